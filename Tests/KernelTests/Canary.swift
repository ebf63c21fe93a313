import LinuxKernel
import Testing

/// A directory of the host that no container may change: every entry is compared, with content, mode, owner, links and
/// time.
struct Canary: Sendable {
    let path: String
    private let before: [String]

    /// Makes it beside the host's state, with a few files an attack would go for.
    init(beside host: TestHost) throws {
        path = "\(host.scratch)/canary"
        try Directories.makeAll(path + "/inner", mode: 0o755)
        let root = try OwnedDescriptor.open(RawPath(path), [.directory])
        for name in ["ptmx", "null", "hosts", "inner/secret"] {
            try root.open(RawPath(name), [.writeOnly, .create], mode: 0o644).write("canary \(name)\n")
        }
        before = try Self.fingerprint(path)
    }

    func isUnchanged() throws -> Bool { try Self.fingerprint(path) == before }

    static func fingerprint(_ path: String) throws -> [String] {
        let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
        var lines: [String] = []
        for entry in try directory.entries().sorted(by: { $0.name.description < $1.name.description }) {
            let status = try directory.status(of: entry.name)
            let place = "\(path)/\(entry.name)"
            lines.append(
                "\(place) \(status.kind) \(status.mode) \(status.uid) \(status.gid) \(status.links) \(status.size) "
                    + "\(status.modifiedSeconds).\(status.modifiedNanoseconds)")
            if status.kind == .directory { lines += try fingerprint(place) }
            if status.kind == .regular { lines.append(try TextFile.read(place)) }
        }
        return lines
    }
}

extension TestHost {
    /// A new directory of the host, for a volume.
    func directory(_ name: String, mode: UInt32 = 0o755) throws -> String {
        let path = "\(scratch)/\(name)"
        try Directories.makeAll(path, mode: mode)
        return path
    }

    /// The image's root, to be made hostile.
    func image() throws -> OwnedDescriptor { try OwnedDescriptor.open(RawPath(layer), [.directory]) }
}
