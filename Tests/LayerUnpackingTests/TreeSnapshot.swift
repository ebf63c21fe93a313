import LinuxKernel

/// Everything a tree is, as comparable lines: what a canary is compared by, entry by entry.
struct TreeSnapshot: Equatable {
    /// One line for each entry, by path.
    private(set) var entries: [String: String] = [:]

    enum Detail {
        /// All there is, inode numbers of hard-linked files included.
        case everything
        /// What two unpackers must agree on: which visible names are one file, not how many links are counted.
        case content
    }

    init(of root: OwnedDescriptor, _ detail: Detail = .everything) throws {
        var groups: [UInt64: [String]] = [:]
        var pending: [(path: String, directory: OwnedDescriptor)] = [("", root)]
        entries["."] = try Self.line(try root.status(), in: nil, root, detail)
        while let (path, directory) = pending.popLast() {
            for entry in try directory.entries().sorted(by: { $0.name.description < $1.name.description }) {
                let status = try directory.status(of: entry.name)
                let name = path + Self.shown(entry.name.bytes)
                entries[name] = try Self.line(status, in: entry.name, directory, detail)
                if status.kind != .directory, status.links > 1 { groups[status.inode, default: []].append(name) }
                if status.kind == .directory {
                    pending.append((name + "/", try directory.open(entry.name, [.directory, .noFollow])))
                }
            }
        }
        for group in groups.values where group.count > 1 { note(group) }
    }

    private mutating func note(_ group: [String]) {
        for name in group { entries[name]? += " one file: \(group.sorted())" }
    }

    private static func line(
        _ status: FileStatus, in name: RawPath?, _ directory: OwnedDescriptor, _ detail: Detail
    ) throws -> String {
        var line = "\(status.kind) \(String(status.mode, radix: 8)) \(status.uid):\(status.gid)"
        line += " mtime=\(status.modifiedSeconds).\(status.modifiedNanoseconds)"
        if detail == .everything { line += " nlink=\(status.links)" }
        switch status.kind {
        case .link:
            if let name { line += " -> \(shown(try directory.linkTarget(name).bytes))" }
        case .character, .block: line += " \(status.deviceMajor):\(status.deviceMinor)"
        case .regular, .directory:
            let file = try name.map { try directory.open($0, [.readOnly, .noFollow]) } ?? directory
            for attribute in try file.attributeNames().sorted(by: { $0.description < $1.description }) {
                if detail == .content, attribute.description.hasPrefix("trusted.overlay.") { continue }
                line += " \(attribute)=\(try file.attribute(attribute))"
            }
            if status.kind == .regular { line += " size=\(status.size) content=\(try checksum(file))" }
        default: break
        }
        return line
    }

    private static func checksum(_ file: OwnedDescriptor) throws -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        defer { buffer.deallocate() }
        while true {
            let count = try file.read(into: buffer)
            if count == 0 { return hash }
            for byte in buffer[..<count] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
    }

    private static func shown(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).unicodeScalars.contains("\u{fffd}")
            ? "bytes\(bytes)" : String(decoding: bytes, as: UTF8.self)
    }

    /// What differs, a line for each entry, with both sides.
    func differences(from other: TreeSnapshot) -> [String] {
        Set(entries.keys).union(other.entries.keys).sorted().compactMap { path in
            let (mine, theirs) = (entries[path], other.entries[path])
            return mine == theirs ? nil : "\(path): \(theirs ?? "absent") -> \(mine ?? "absent")"
        }
    }
}
