import Containers
import Diagnostics
import LinuxKernel

/// What people call containers: one file a name, holding the container's id. A name leads to its container without
/// reading the others, and cannot be given twice.
struct ContainerNames: Sendable {
    let directory: String

    /// Gives `name` to `id`. A name whose holder is no more, as `exists` says of an id, is free.
    /// - Throws: `container.name-taken`, `container.bad-name`.
    func take(_ name: String, for id: ContainerID, exists: (String) -> Bool) throws(Failure) {
        let file = RawPath(try ContainerID(name).text)
        let other = try locked(name) { folder throws(KernelError) -> String? in
            // An empty file is what a crash left.
            let holder = try holder(of: file, in: folder) ?? ""
            if !holder.isEmpty, holder != id.text, exists(holder) { return holder }
            let made = try folder.open(file, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600)
            do throws(KernelError) { try made.write(id.text) } catch {
                try folder.unlink(file)
                throw error
            }
            return nil
        }
        guard let other else { return }
        throw Failure(
            "container.name-taken", doing: "name the container", on: name, cause: "container \(other) has that name",
            remedy: "choose another, or: bulkhead rm \(name)", field: "name")
    }

    /// The id of the container of that name; nil when nobody has it.
    func holder(of name: String) throws(Failure) -> String? {
        guard Self.canBe(name) else { return nil }
        do throws(KernelError) {
            return try holder(of: RawPath(name), in: try OwnedDescriptor.open(RawPath(directory), [.directory]))
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error.failure("state.unreadable", doing: "find container", on: name)
        }
    }

    /// Gives the name back if `id` has it.
    func release(_ name: String, of id: ContainerID) throws(Failure) {
        guard Self.canBe(name), HostFacts.exists("\(directory)/\(name)") else { return }
        try locked(name) { folder throws(KernelError) in
            if try holder(of: RawPath(name), in: folder) == id.text { try folder.unlink(RawPath(name)) }
        }
    }

    /// Gives back, after a crash, the names of containers that are no more, as `isGone` says of an id.
    func dropAbandoned(_ isGone: (String) -> Bool) throws(Failure) {
        guard HostFacts.exists(directory) else { return }
        try locked("all") { folder throws(KernelError) in
            for entry in try folder.entries() {
                let holder = try holder(of: entry.name, in: folder) ?? ""
                if holder.isEmpty || isGone(holder) { try folder.unlink(entry.name) }
            }
        }
    }

    private static func canBe(_ name: String) -> Bool {
        do throws(Failure) { return try !ContainerID(name).text.isEmpty } catch { return false }
    }

    private func holder(of name: RawPath, in folder: OwnedDescriptor) throws(KernelError) -> String? {
        do throws(KernelError) {
            return String(decoding: try folder.open(name, [.readOnly, .noFollow]).readAll(limit: 128), as: UTF8.self)
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }

    /// One at a time: a name that was looked at cannot have become another's.
    private func locked<Value>(
        _ name: String, _ body: (OwnedDescriptor) throws(KernelError) -> Value
    ) throws(Failure) -> Value {
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath(directory), [.directory])
            _ = try folder.lock(exclusive: true, wait: true)
            defer { withExtendedLifetime(folder) {} }
            return try body(folder)
        } catch {
            throw error.failure("state.unwritable", doing: "name the container", on: name)
        }
    }
}
