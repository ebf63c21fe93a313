public import Containers
public import Diagnostics
import LinuxKernel

/// Which block of 65,536 host ids belongs to which containers: one file a block, made with O_EXCL, named by its number,
/// one line a container. A block is in use as long as one of them is there.
public struct IdentityLeases: Sendable {
    /// Inside the range systemd.io/UIDS-GIDS leaves to container managers, above what subuid(5) tools hand out.
    static let firstBase: UInt32 = 0x1000_0000
    static let size: UInt32 = 65_536
    static let slotsMax: UInt32 = 24_000
    let directory: String

    /// Where looking for a free block begins. Installations with state directories of their own do not know of each
    /// other's leases, so each begins elsewhere: a container of one is then not the same host user as one of another.
    private var firstSlot: UInt32 {
        if directory == Places().leases { return 0 }
        return directory.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 } % Self.slotsMax
    }

    /// The next free block. Ranges of two containers of this installation never overlap.
    public func take(for id: ContainerID) throws(Failure) -> IdentityRange {
        let taken = try locked("lease user ids for container", on: id.text) { folder throws(KernelError) -> UInt32? in
            let last = try lastTaken()
            for step in 1...Self.slotsMax {
                let slot = (last + step) % Self.slotsMax
                // First, for nothing undoes the lease when this fails.
                try noteTaken(slot)
                let lease: OwnedDescriptor
                do throws(KernelError) {
                    lease = try folder.open(RawPath("\(slot)"), [.writeOnly, .create, .exclusive], mode: 0o600)
                } catch {
                    if error.errno == Errno.exists { continue }
                    throw error
                }
                do throws(KernelError) { try lease.write(id.text) } catch {
                    try folder.unlink(RawPath("\(slot)"))
                    throw error
                }
                return slot
            }
            return nil
        }
        if let taken { return IdentityRange(base: Self.firstBase + taken * Self.size, count: Self.size) }
        throw Failure(
            "host.no-ids", doing: "lease user ids for container", on: id.text,
            cause: "all \(Self.slotsMax) blocks are in use", remedy: "remove containers that have ended",
            limit: "\(Self.slotsMax) containers", retry: .later)
    }

    /// Blocks are used in turn: ids that were just given back are nobody's for a while, and a search need not pass all
    /// that are in use.
    private var turn: RawPath { RawPath(directory + ".last") }

    private func lastTaken() throws(KernelError) -> UInt32 {
        do throws(KernelError) {
            let bytes = try OwnedDescriptor.open(turn, [.readOnly, .noFollow]).readAll(limit: 16)
            let text = String(decoding: bytes, as: UTF8.self)
            if let slot = UInt32(text.prefix { $0.isNumber }), slot < Self.slotsMax { return slot }
        } catch {
            if error.errno != Errno.noEntry { throw error }
        }
        return (firstSlot + Self.slotsMax - 1) % Self.slotsMax
    }

    /// Written over, always as long: a file that was truncated is one that ext4 writes out at once.
    private func noteTaken(_ slot: UInt32) throws(KernelError) {
        let digits = String(slot)
        try OwnedDescriptor.open(turn, [.writeOnly, .create, .noFollow], mode: 0o600)
            .write(digits + String(repeating: " ", count: 5 - digits.count) + "\n")
    }

    /// Gives back what a container holds. Holding nothing is fine.
    public func release(_ range: IdentityRange, of id: ContainerID) throws(Failure) {
        guard range.base >= Self.firstBase, HostFacts.exists(directory) else { return }
        let name = RawPath("\((range.base - Self.firstBase) / Self.size)")
        try locked("give back the user ids of container", on: id.text) { folder throws(KernelError) in
            guard try folder.exists(name) else { return }
            try keep(name, in: folder) { $0 != id.text }
        }
    }

    /// Gives `id` the block another container holds as well.
    func share(_ range: IdentityRange, with id: ContainerID) throws(Failure) {
        guard range.base >= Self.firstBase else { return }
        let name = RawPath("\((range.base - Self.firstBase) / Self.size)")
        try locked("share the user ids with container", on: id.text) { folder throws(KernelError) in
            try folder.open(name, [.writeOnly, .append]).write("\n" + id.text)
        }
    }

    /// Gives `id` the block that `holder` has alone, in one step: at any moment one of them has it. False when `holder`
    /// does not have it alone, and then nothing is changed.
    func handOver(
        _ range: IdentityRange, from holder: ContainerID, to id: ContainerID
    ) throws(Failure) -> Bool {
        let name = RawPath("\((range.base - Self.firstBase) / Self.size)")
        return try locked("lease user ids for container", on: id.text) { folder throws(KernelError) in
            guard try folder.exists(name), try holders(of: name, in: folder) == [holder.text] else { return false }
            // Read as a lease by nobody but a sweep, which removes it.
            let next: RawPath = "next"
            do throws(KernelError) {
                try folder.open(next, [.writeOnly, .create, .truncate, .noFollow], mode: 0o600).write(id.text)
                try folder.rename(next, to: name)
            } catch {
                if try folder.exists(next) { try folder.unlink(next) }
                throw error
            }
            return true
        }
    }

    /// Takes all but the holders `isKept` says from a block, and gives it back when none is left.
    private func keep(
        _ name: RawPath, in folder: OwnedDescriptor, _ isKept: (String) -> Bool
    ) throws(KernelError) {
        let holders = try holders(of: name, in: folder)
        let kept = holders.filter(isKept)
        if kept.isEmpty { return try folder.unlink(name) }
        guard kept.count < holders.count else { return }
        try folder.open(name, [.writeOnly, .truncate]).write(kept.joined(separator: "\n"))
    }

    /// Gives back, after a crash, what containers hold that are no more, as `isGone` says of an id.
    func dropAbandoned(_ isGone: (String) -> Bool) throws(Failure) {
        guard HostFacts.exists(directory) else { return }
        try locked("give back leases of user ids", on: directory) { folder throws(KernelError) in
            for entry in try folder.entries() { try keep(entry.name, in: folder) { !isGone($0) } }
        }
    }

    /// A file that a crash left empty has one holder without a name.
    private func holders(of name: RawPath, in folder: OwnedDescriptor) throws(KernelError) -> [String] {
        String(decoding: try folder.open(name).readAll(limit: 1 << 20), as: UTF8.self)
            .cut(at: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Everything is looked up and changed under one lock: a lease that was looked at cannot have become another's.
    private func locked<Value>(
        _ doing: String, on subject: String, _ body: (OwnedDescriptor) throws(KernelError) -> Value
    ) throws(Failure) -> Value {
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath(directory), [.directory])
            _ = try folder.lock(exclusive: true, wait: true)
            defer { withExtendedLifetime(folder) {} }
            return try body(folder)
        } catch {
            throw error.failure("state.unwritable", doing: doing, on: subject)
        }
    }
}
