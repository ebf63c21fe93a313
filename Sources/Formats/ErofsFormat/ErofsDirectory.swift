/// The content of a directory: blocks of entries, each followed by the names of its block, in the order of their bytes
/// throughout, because the kernel searches by halving.
public struct ErofsDirectory: Sendable {
    public enum Kind: UInt8, Sendable {
        case unknown = 0
        case regular = 1
        case directory = 2
        case character = 3
        case block = 4
        case fifo = 5
        case socket = 6
        case link = 7
    }

    public struct Entry: Equatable, Sendable {
        public var name: [UInt8]
        public var kind: Kind
        public init(name: [UInt8], kind: Kind) {
            self.name = name
            self.kind = kind
        }
    }

    /// In the image's order, `.` and `..` among them.
    public let entries: [Entry]
    /// The first entry of each block, and how many bytes the last one uses.
    private let starts: [Int]
    public let size: UInt64

    /// `children` without `.` and `..`, in any order, each name once.
    public init(_ children: [Entry]) {
        let all = children + [Entry(name: [0x2E], kind: .directory), Entry(name: [0x2E, 0x2E], kind: .directory)]
        entries = all.sorted { $0.name.lexicographicallyPrecedes($1.name) }
        var starts = [0]
        var used = 0
        for (index, entry) in entries.enumerated() {
            let bytes = ErofsGeometry.directoryEntryBytes + entry.name.count
            if used + bytes > ErofsGeometry.blockBytes {
                starts.append(index)
                used = 0
            }
            used += bytes
        }
        self.starts = starts
        size = UInt64((starts.count - 1) * ErofsGeometry.blockBytes + used)
    }

    /// The content. `numbers` are the inodes of `entries`, in their order.
    public func bytes(_ numbers: [UInt64]) -> [UInt8] {
        precondition(numbers.count == entries.count)
        var result: [UInt8] = []
        result.reserveCapacity(Int(size))
        for (position, start) in starts.enumerated() {
            let isLast = position + 1 == starts.count
            let end = isLast ? entries.count : starts[position + 1]
            var nameOffset = (end - start) * ErofsGeometry.directoryEntryBytes
            for index in start..<end {
                result.append(little: numbers[index])
                result.append(little: UInt16(nameOffset))
                result.append(entries[index].kind.rawValue)
                result.append(0)
                nameOffset += entries[index].name.count
            }
            for index in start..<end { result += entries[index].name }
            if !isLast { result += [UInt8](repeating: 0, count: ErofsGeometry.blockBytes - nameOffset) }
        }
        return result
    }
}
