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
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath(directory), [.directory])
            let used = Set(try folder.entries().compactMap { UInt32($0.name.description) })
            for slot in 0..<Self.slotsMax where !used.contains(slot) {
                do throws(KernelError) {
                    try folder.open(RawPath("\(slot)"), [.writeOnly, .create, .exclusive], mode: 0o600).write(id.text)
                    return IdentityRange(base: Self.firstBase + slot * Self.size, count: Self.size)
                } catch {
                    if error.errno != Errno.exists { throw error }
                }
            }
        } catch {
            throw error.failure("state.unwritable", doing: "lease user ids for container", on: id.text)
        }
        throw Failure(
            "host.no-ids", doing: "lease user ids for container", on: id.text,
            cause: "all \(Self.slotsMax) blocks are in use", remedy: "remove containers that have ended",
            limit: "\(Self.slotsMax) containers", retry: .later)
    }

    /// Gives back what a container holds. Holding nothing is fine.
    public func release(_ range: IdentityRange, of id: ContainerID) throws(Failure) {
        guard range.base >= Self.firstBase else { return }
        let name = RawPath("\((range.base - Self.firstBase) / Self.size)")
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath(directory), [.directory])
            let holder = try folder.open(name).readAll(limit: 128)
            if holder == Array(id.text.utf8) { try folder.unlink(name) }
        } catch {
            if error.errno == Errno.noEntry { return }
            throw error.failure("state.unwritable", doing: "give back the user ids of container", on: id.text)
        }
    }

    /// Gives back a lease by the name of its file.
    func drop(_ name: String) throws(Failure) {
        do throws(KernelError) {
            try OwnedDescriptor.open(RawPath(directory), [.directory]).unlink(RawPath(name))
        } catch {
            if error.errno == Errno.noEntry { return }
            throw error.failure("state.unwritable", doing: "give back the lease of user ids", on: name)
        }
    }

    /// Leases whose container has no record any more, after a crash.
    func abandoned(existing: Set<String>) throws(Failure) -> [(name: String, holder: String)] {
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath(directory), [.directory])
            var result: [(String, String)] = []
            for entry in try folder.entries() {
                let holder = String(decoding: try folder.open(entry.name).readAll(limit: 128), as: UTF8.self)
                if !existing.contains(holder) { result.append((entry.name.description, holder)) }
            }
            return result
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error.failure("state.unreadable", doing: "read the leases of user ids", on: directory)
        }
    }
}
