import Containers
import Diagnostics
import LinuxKernel

/// Empty files that say which containers somebody must still look after, so that nobody has to look at all of them.
///
/// A container is marked before anything of it exists: in `pending` while it is being made or removed, in `running`
/// from then until its end has been settled. Whoever made the mark holds a lock on the file as long as it takes care
/// itself; the kernel ends the lock with the process. A mark without a lock is what a crash left, or a container that
/// was meant to outlive its command.
struct ContainerMarks: Sendable {
    let pending: String
    let running: String

    /// Marks `id` as being made or removed. The mark lasts until `launched` or `settled`, the lock as long as the
    /// result.
    func begin(_ id: ContainerID) throws(Failure) -> OwnedDescriptor {
        try failing(id.text) { () throws(KernelError) in
            let name = RawPath(id.text)
            let folder = try OwnedDescriptor.open(RawPath(pending), [.directory])
            let deadline = Deadline(seconds: 60)
            while true {
                let file = try folder.open(name, [.readWrite, .create, .noFollow], mode: 0o600)
                // Not waited for in the kernel: a launch that succeeds moves the file away and keeps its lock.
                let isOurs = try file.lock(exclusive: true, wait: false)
                // Between the two calls a sweep may have taken the new file for a leftover and removed it.
                if isOurs, try Self.is(file, name, in: folder) { return file }
                if !isOurs { try deadline.pause("the mark of \(id.text) to be free") }
            }
        }
    }

    /// The container runs; the lock stays what it is.
    func launched(_ id: ContainerID) throws(Failure) {
        try failing(id.text) { () throws(KernelError) in
            let name = RawPath(id.text)
            try OwnedDescriptor.open(RawPath(pending), [.directory])
                .rename(name, to: name, in: try OwnedDescriptor.open(RawPath(running), [.directory]), replacing: true)
        }
    }

    /// Nothing of the container is left to look after. Idempotent.
    func settled(_ id: ContainerID) throws(Failure) {
        try dropPending(id)
        try drop(id, in: running)
    }

    /// Whether something of that id is being made or removed, or was when a crash cut that off.
    func isPending(_ id: String) -> Bool { HostFacts.exists("\(pending)/\(id)") }

    func dropPending(_ id: ContainerID) throws(Failure) { try drop(id, in: pending) }

    private func drop(_ id: ContainerID, in directory: String) throws(Failure) {
        try failing(id.text) { () throws(KernelError) in
            do throws(KernelError) {
                try OwnedDescriptor.open(RawPath(directory), [.directory]).unlink(RawPath(id.text))
            } catch {
                if error.errno != Errno.noEntry { throw error }
            }
        }
    }

    /// Containers of `directory` that nobody looks after, each with the mark's lock, which keeps others away from it.
    /// At most `limit`, beginning at any of them: asking again and again meets all.
    func abandoned(in directory: String, limit: Int) throws(Failure) -> [(id: ContainerID, lock: OwnedDescriptor)] {
        try failing(directory) { () throws(KernelError) in
            guard HostFacts.exists(directory) else { return [] }
            let folder = try OwnedDescriptor.open(RawPath(directory), [.directory])
            let names = try folder.entries().map(\.name)
            guard !names.isEmpty else { return [] }
            let first = names.count > limit ? Int(KernelRandom.number() % UInt64(names.count)) : 0
            var result: [(ContainerID, OwnedDescriptor)] = []
            for offset in 0..<min(limit, names.count) {
                let name = names[(first + offset) % names.count]
                guard let id = Self.identifier(name), let lock = try Self.lock(name, in: folder) else { continue }
                result.append((id, lock))
            }
            return result
        }
    }

    private static func identifier(_ name: RawPath) -> ContainerID? {
        do throws(Failure) { return try ContainerID(name.description) } catch { return nil }
    }

    private static func lock(_ name: RawPath, in folder: OwnedDescriptor) throws(KernelError) -> OwnedDescriptor? {
        do throws(KernelError) {
            let file = try folder.open(name, [.readWrite, .noFollow])
            guard try file.lock(exclusive: true, wait: false), try Self.is(file, name, in: folder) else { return nil }
            return file
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }

    private static func `is`(
        _ file: OwnedDescriptor, _ name: RawPath, in folder: OwnedDescriptor
    ) throws(KernelError) -> Bool {
        do throws(KernelError) { return try folder.status(of: name).isSameFile(as: file.status()) } catch {
            if error.errno == Errno.noEntry { return false }
            throw error
        }
    }

    private func failing<Value>(
        _ subject: String, _ body: () throws(KernelError) -> Value
    ) throws(Failure) -> Value {
        do throws(KernelError) { return try body() } catch {
            throw error.failure("state.unwritable", doing: "mark the container", on: subject)
        }
    }
}
