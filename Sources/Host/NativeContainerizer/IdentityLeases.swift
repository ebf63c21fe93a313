public import Containers
public import Diagnostics
import LinuxKernel

/// Which block of 65,536 host ids belongs to which container: one file a block, made with O_EXCL, named by its number.
public struct IdentityLeases: Sendable {
    /// Inside the range systemd.io/UIDS-GIDS leaves to container managers, above what subuid(5) tools hand out.
    static let firstBase: UInt32 = 0x1000_0000
    static let size: UInt32 = 65_536
    static let slotsMax: UInt32 = 24_000
    let directory: String

    /// The lowest free block. Ranges of two containers never overlap.
    public func take(for id: ContainerID) throws(Failure) -> IdentityRange {
        let taken = try locked("lease user ids for container", on: id.text) { folder throws(KernelError) in
            let used = Set(try folder.entries().compactMap { UInt32($0.name.description) })
            guard let slot = (0..<Self.slotsMax).first(where: { !used.contains($0) }) else { return UInt32?.none }
            try folder.open(RawPath("\(slot)"), [.writeOnly, .create, .exclusive], mode: 0o600).write(id.text)
            return slot
        }
        if let taken { return IdentityRange(base: Self.firstBase + taken * Self.size, count: Self.size) }
        throw Failure(
            "host.no-ids", doing: "lease user ids for container", on: id.text,
            cause: "all \(Self.slotsMax) blocks are in use", remedy: "remove containers that have ended",
            limit: "\(Self.slotsMax) containers", retry: .later)
    }

    /// Gives back what a container holds. Holding nothing is fine.
    public func release(_ range: IdentityRange, of id: ContainerID) throws(Failure) {
        guard range.base >= Self.firstBase, HostFacts.exists(directory) else { return }
        let name = RawPath("\((range.base - Self.firstBase) / Self.size)")
        try locked("give back the user ids of container", on: id.text) { folder throws(KernelError) in
            guard try folder.exists(name) else { return }
            if try holder(of: name, in: folder) == id.text { try folder.unlink(name) }
        }
    }

    /// Gives back, after a crash, what containers hold that are no more, as `isGone` says of an id.
    func dropAbandoned(_ isGone: (String) -> Bool) throws(Failure) {
        guard HostFacts.exists(directory) else { return }
        try locked("give back leases of user ids", on: directory) { folder throws(KernelError) in
            for entry in try folder.entries() where isGone(try holder(of: entry.name, in: folder)) {
                try folder.unlink(entry.name)
            }
        }
    }

    private func holder(of name: RawPath, in folder: OwnedDescriptor) throws(KernelError) -> String {
        String(decoding: try folder.open(name).readAll(limit: 128), as: UTF8.self)
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
