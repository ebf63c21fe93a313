import Diagnostics
import DurableStorage
import LinuxKernel
public import OCIFormat

/// What a container keeps in the store while it exists, whether or not the process that started it does: a file named
/// by the container. Written without fsync, for launches wait for it: it outlives every crash of a process, and after
/// a power cut whoever recovers containers leases again.
public struct Lease: Equatable, Sendable {
    public var container: String
    public var manifest: Digest
    public var chain: [Digest]
    var blobs: [Digest]

    init(container: String, record: StoreIndex.Record) {
        self.container = container
        manifest = record.manifest
        chain = record.chain
        blobs = record.blobs
    }

    /// A container's identifier as a file name: letters, digits, `_`, `.` and `-`, not beginning with `.`, at most 128.
    /// - Throws: `container.id-invalid`.
    static func fileName(_ container: String) throws(Failure) -> RawPath {
        let allowed = container.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || (48...57).contains(byte)
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        }
        guard allowed, (1...128).contains(container.utf8.count), !container.begins(with: ".") else {
            throw Failure(
                "container.id-invalid", doing: "lease an image for the container", on: String(container.prefix(200)),
                cause: "an identifier has 1 to 128 letters, digits, '_', '.' and '-'", field: "container")
        }
        return RawPath(container)
    }

    var text: String {
        let value: JSONValue = [
            "container": .string(container), "manifest": .string(manifest.description),
            "chain": .array(chain.map { .string($0.description) }),
            "blobs": .array(blobs.map { .string($0.description) }),
        ]
        return value.text
    }

    init(parsing content: [UInt8]) throws(Failure) {
        let object = try JSONBounds().object(parsing: content, as: "a lease")
        container = try object.string("container", bytes: 128) ?? ""
        manifest = try object.digest("manifest")
        chain = try object.digests("chain")
        blobs = try object.digests("blobs")
    }

    /// Sorted by container. A lease that cannot be read stops garbage collection: it might pin anything.
    static func all(in root: StoreRoot) throws(Failure) -> [Lease] {
        let entries = try onStore("list leases in", root.path) { () throws(KernelError) in try root.leases.entries() }
        var leases: [Lease] = []
        for entry in entries.sorted(by: { $0.name.description < $1.name.description }) {
            if entry.name.bytes.starts(with: AtomicFile.temporaryPrefix.utf8) { continue }
            let content = try onStore("read the lease", entry.name.description) { () throws(KernelError) in
                try AtomicFile.read(entry.name, in: root.leases, limit: 1 << 20)
            }
            guard let content else { continue }
            do throws(Failure) { leases.append(try Lease(parsing: content)) } catch {
                throw Failure(
                    "image.lease-damaged", doing: "read the lease", on: "\(root.path)/leases/\(entry.name)",
                    cause: error.cause ?? error.description,
                    remedy: "remove the file if there is no such container any more")
            }
        }
        return leases
    }
}
