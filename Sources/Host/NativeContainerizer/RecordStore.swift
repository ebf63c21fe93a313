public import Containers
public import Diagnostics
import FoundationEssentials
import JSONFormat
import LinuxKernel
import Synchronization

/// The records of all containers of this host: `containers/ID/record.json`, replaced whole, and beside it how far the
/// container came.
public struct RecordStore: Sendable {
    private static let recordBytesMax = 8 << 20
    let places: Places
    private let kept = KeptRecords()
    private let isSpread = Once()

    public init(places: Places) { self.places = places }

    func directory(_ id: ContainerID) -> String { "\(places.records)/\(id.text)" }
    func exitRecord(_ id: ContainerID) -> String { directory(id) + "/exit" }
    func log(_ id: ContainerID, _ number: Int) -> String { "\(places.containers)/\(id.text)/log.\(number)" }

    /// Makes what must exist before anything else does. Idempotent.
    public func prepare() throws(Failure) {
        do throws(KernelError) {
            for path in [
                places.volatile, places.records, places.leases, places.pending, places.running, places.names,
                places.workshop, places.store, places.containers,
            ] where !HostFacts.exists(path) {
                try Directories.makeAll(path, mode: path == places.volatile ? 0o711 : 0o700)
            }
            // Once a process is enough, also where the directory was made by an older version.
            if !isSpread.set() {
                UnrelatedDirectories.spread(in: try OwnedDescriptor.open(RawPath(places.containers), [.directory]))
            }
        } catch {
            throw error.failure(
                "host.no-state-directory", doing: "make the state directory", on: error.subject ?? places.volatile,
                remedy: error.errno == Errno.accessDenied || error.errno == Errno.notPermitted
                    ? "run bulkhead as root" : "see that \(places.volatile) and \(places.store) can be written")
        }
    }

    public func identifiers() throws(Failure) -> [ContainerID] {
        do throws(KernelError) {
            let entries = try OwnedDescriptor.open(RawPath(places.records), [.directory]).entries()
            // A file has no business there, and is nobody's.
            return entries.filter { $0.kind == .directory || $0.kind == nil }.compactMap { entry in
                do throws(Failure) { return try ContainerID(entry.name.description) } catch { return nil }
            }.sorted()
        } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error.failure("state.unreadable", doing: "list the containers", on: places.records)
        }
    }

    /// Whether a container of that id is there or being made.
    public func exists(_ id: String) -> Bool { HostFacts.exists("\(places.records)/\(id)") }

    /// Nil when there is no such container, or when it was removed meanwhile.
    public func read(_ id: ContainerID) throws(Failure) -> ContainerRecord? {
        let path = directory(id) + "/record.json"
        let bytes: [UInt8]
        do throws(KernelError) {
            bytes = try OwnedDescriptor.open(RawPath(path)).readAll(limit: Self.recordBytesMax)
        } catch {
            if error.errno == Errno.noEntry || error.errno == Errno.notDirectory { return nil }
            throw error.failure("state.unreadable", doing: "read the record of container", on: id.text)
        }
        if let known = kept.record(id, bytes: bytes) { return try current(known) }
        let record: ContainerRecord
        do {
            let version = try JSONDecoder().decode(RecordVersion.self, from: Data(bytes)).version
            guard version <= ContainerRecord.newestVersion else { throw Self.newer(id, version) }
            record = try JSONDecoder().decode(ContainerRecord.self, from: Data(bytes))
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(
                "state.damaged", doing: "read the record of container", on: id.text, cause: "\(error)",
                remedy: "remove it with: bulkhead rm --force \(id.text)")
        }
        kept.keep(record, bytes: bytes)
        return try current(record)
    }

    /// Refused, not damaged: what a newer program has started is not to be swept away by an older one.
    private static func newer(_ id: ContainerID, _ version: Int) -> Failure {
        Failure(
            "state.newer", doing: "read the record of container", on: id.text,
            cause: "a newer Bulkhead wrote it, in version \(version) of its form",
            remedy: "use that one, or end the container with it first",
            limit: "record version \(ContainerRecord.newestVersion)")
    }

    /// Replaces the record: readers see the old one or the new one, never a part.
    public func write(_ record: ContainerRecord) throws(Failure) {
        let id = record.request.id
        let bytes: [UInt8]
        do { bytes = try JSONWriter.bytes(of: record) } catch {
            throw Failure("state.unwritable", doing: "encode the record of container", on: id.text, cause: "\(error)")
        }
        do throws(KernelError) {
            let folder = try OwnedDescriptor.open(RawPath(directory(id)), [.directory])
            try folder.open("record.new", [.writeOnly, .create, .truncate], mode: 0o600).write(bytes)
            try folder.rename("record.new", to: "record.json")
        } catch {
            throw unwritable(error, id)
        }
        // As whoever reads it back will find it.
        var written = record
        written.request = record.request.withoutSecretValues
        kept.keep(written, bytes: bytes)
    }

    func makeDirectory(_ id: ContainerID) throws(Failure) {
        let files = "\(places.containers)/\(id.text)"
        do throws(KernelError) {
            try Directories.make(directory(id), mode: 0o700)
            do throws(KernelError) {
                try Directories.makeAll(files, mode: 0o700)
                try claim(files)
            } catch {
                // Nobody would look for the half of a container that has no mark.
                try Directories.removeEmpty(directory(id))
                try Directories.removeEmpty(files)
                throw error
            }
        } catch {
            throw error.errno == Errno.exists
                ? Failure(
                    "container.exists", doing: "make container", on: id.text, cause: "there is one of that id already")
                : error.failure("state.unwritable", doing: "make the directory of container", on: id.text)
        }
    }

    /// Says, where no task can forge it, in whose state the record is of a container that has files in the store:
    /// several installations, each with a state directory of its own, may share one store.
    private static let owner: RawPath = "trusted.bulkhead.state"

    private func claim(_ files: String) throws(KernelError) {
        do throws(KernelError) {
            try OwnedDescriptor.open(RawPath(files), [.directory, .noFollow])
                .setAttribute(Self.owner, to: Array(places.volatile.utf8))
        } catch {
            // Where there are no such attributes, who shares the store is not told apart.
            guard error.errno == Errno.notSupported || error.errno == Errno.notPermitted else { throw error }
        }
    }

    /// False for the files of another installation's container. What bears no mark is of an older version, or of a
    /// launch that was cut off before it had one, and is anybody's to remove.
    func mayRemoveFiles(of name: String) throws(KernelError) -> Bool {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath("\(places.containers)/\(name)"), [.directory, .noFollow])
                .attribute(Self.owner) == Array(places.volatile.utf8)
        } catch {
            let isUnmarked = [
                Errno.noData, Errno.notSupported, Errno.noEntry, Errno.notDirectory, Errno.tooManyLinks,
            ]
            if isUnmarked.contains(error.errno) { return true }
            throw error
        }
    }

    func removeDirectory(_ id: ContainerID) throws(Failure) {
        kept.drop(id)
        do throws(KernelError) { try TreeRemoval.remove(directory(id)) } catch {
            throw error.failure("state.unwritable", doing: "remove the record of container", on: id.text)
        }
    }

    /// An exclusive lock on a container, held while its state changes; nil when `wait` is false and another has it or
    /// the container is gone. Only its launch makes the file, and who removes a damaged one: whoever comes while it is
    /// being removed finds none.
    func lock(_ id: ContainerID, wait: Bool, create: Bool = false) throws(Failure) -> OwnedDescriptor? {
        do throws(KernelError) {
            let flags: OpenFlags = create ? [.readWrite, .create] : [.readWrite]
            let folder = try OwnedDescriptor.open(RawPath(directory(id)), [.directory])
            let file = try folder.open("lock", flags, mode: 0o600)
            guard try file.lock(exclusive: true, wait: wait) else { return nil }
            // Who waited for a lock may have got that of a container removed meanwhile.
            return try folder.status(of: "lock").isSameFile(as: file.status()) ? file : nil
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error.failure("state.unwritable", doing: "lock container", on: id.text)
        }
    }
}

/// What every version of a record has.
private struct RecordVersion: Decodable {
    var version: Int
}

/// Whether something that is done once a process has been done.
private final class Once: Sendable {
    private let isDone = Atomic(false)

    /// Says what it was before.
    func set() -> Bool { isDone.exchange(true, ordering: .relaxed) }
}
