/// Files in order as a tar archive in the plain form of POSIX (ustar), and back. Only what is written here is read:
/// regular files, no links, no extensions, nothing behind the end.
enum EvidenceArchive {
    struct File: Equatable {
        var name: String
        var content: [UInt8]
    }

    static let nameBytesMax = 100
    static let filesMax = 100_000
    private static let block = 512

    static func write(_ files: [File], time: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        for file in files {
            precondition(file.name.utf8.count <= nameBytesMax, "a name has at most \(nameBytesMax) bytes")
            bytes += header(file.name, file.content.count, time) + file.content
            bytes += [UInt8](repeating: 0, count: padding(file.content.count))
        }
        return bytes + [UInt8](repeating: 0, count: 2 * block)
    }

    private static func padding(_ count: Int) -> Int { (block - count % block) % block }

    private static func header(_ name: String, _ size: Int, _ time: Int64) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at offset: Int) {
            for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
        }
        put(name, at: 0)
        put("0000400", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        put(octal(size, 11), at: 124)
        put(octal(Int(time), 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0 ", at: 148)
        return header
    }

    private static func octal(_ value: Int, _ digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// Nil for anything this would not have written: cut short, lengthened, a header changed.
    static func read(_ bytes: [UInt8]) -> [File]? {
        var files: [File] = []
        var position = 0
        while position + block <= bytes.count {
            let header = Array(bytes[position..<position + block])
            if header.allSatisfy({ $0 == 0 }) {
                let rest = bytes[position...]
                return rest.count == 2 * block && rest.allSatisfy { $0 == 0 } ? files : nil
            }
            guard files.count < filesMax, let name = text(header[0..<nameBytesMax]),
                let size = number(header[124..<136]), let time = number(header[136..<148]),
                header == self.header(name, size, Int64(time))
            else { return nil }
            let start = position + block
            guard size <= bytes.count - start else { return nil }
            let end = start + size
            let next = end + padding(size)
            guard next <= bytes.count, bytes[end..<next].allSatisfy({ $0 == 0 }) else { return nil }
            files.append(File(name: name, content: Array(bytes[start..<end])))
            position = next
        }
        return nil
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int? {
        text(bytes).flatMap { Int($0, radix: 8) }.flatMap { $0 >= 0 ? $0 : nil }
    }
}
