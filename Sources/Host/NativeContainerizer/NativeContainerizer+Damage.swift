import Containers
import Diagnostics
import Isolation

/// Containers whose record cannot be read any more: their id is all that is known of them, and enough to remove them.
extension NativeContainerizer {
    static let damagedCode: Failure.Code = "state.damaged"

    /// Ends whatever runs in the container's cgroup and removes everything that bears its id. What damaged the record
    /// may have taken the lock as well, so it is made where it is not: the mark keeps everybody else away who makes or
    /// removes the container.
    func removeDamaged(_ id: ContainerID) throws(Failure) {
        let mark = try marks.begin(id)
        defer { withExtendedLifetime(mark) {} }
        guard let lock = try records.lock(id, wait: true, create: true) else { return try marks.settled(id) }
        defer { withExtendedLifetime(lock) {} }
        for isolator in Isolators.all.reversed() { try isolator.cleanUp(id, host: host) }
        try starter?.cleanUp(id)
        try snapshots.remove(id.text)
        try leases.dropAbandoned { $0 == id.text }
        try names.dropAbandoned { $0 == id.text }
        try records.removeDirectory(id)
        try marks.settled(id)
    }

    /// The status of a container; nil as well when its record is damaged, which whoever lists containers is told.
    func soundStatus(of id: ContainerID) throws(Failure) -> ContainerStatus? {
        do throws(Failure) { return try status(of: id) } catch {
            guard error.code == Self.damagedCode else { throw error }
            return nil
        }
    }
}
