import Diagnostics
import LinuxKernel

/// Writes a tar archive whose bytes depend only on the members: no time, no owner, mode 0644, in the order given.
/// The format is ustar, with GNU's binary size for members of 8 GiB and more.
struct TarWriter {
    let output: OwnedDescriptor

    func add(_ name: String, content: [UInt8]) throws(Failure) {
        let header = TarHeader.bytes(name: name, size: UInt64(content.count))
        try writing { () throws(KernelError) in
            try output.write(header + content + TarHeader.padding(after: UInt64(content.count)))
        }
    }

    /// The file must not change meanwhile; a blob never does.
    func add(_ name: String, file: OwnedDescriptor, size: UInt64) throws(Failure) {
        let copied = try writing { () throws(KernelError) -> UInt64 in
            try output.write(TarHeader.bytes(name: name, size: size))
            let copied = try file.copyContent(to: output, limit: size)
            if copied == size { try output.write(TarHeader.padding(after: size)) }
            return copied
        }
        guard copied == size else { throw StoreFailure.damaged(name, "it has \(copied) bytes, not \(size)") }
    }

    func finish() throws(Failure) {
        try writing { () throws(KernelError) in try output.write([UInt8](repeating: 0, count: 1_024)) }
    }

    private func writing<Result>(_ body: () throws(KernelError) -> Result) throws(Failure) -> Result {
        do throws(KernelError) { return try body() } catch {
            let isFull = error.errno == Errno.noSpace || error.errno == Errno.quotaExceeded
            throw error.failure(
                isFull ? "image.disk-full" : "image.export-write", doing: "write the archive",
                remedy: isFull ? "free space where the archive goes" : nil, retry: isFull ? .later : .never)
        }
    }
}

/// One header of a tar archive. Pure.
enum TarHeader {
    static let blockBytes = 512

    /// `name` has at most 100 bytes: ours all do.
    static func bytes(name: String, size: UInt64) -> [UInt8] {
        precondition(name.utf8.count <= 100, "a member name of an exported image is short")
        var block = [UInt8](repeating: 0, count: blockBytes)
        func put(_ text: String, at offset: Int) {
            block.replaceSubrange(offset..<(offset + text.utf8.count), with: text.utf8)
        }
        put(name, at: 0)
        put("0000644", at: 100)
        put("0000000", at: 108)
        put("0000000", at: 116)
        block.replaceSubrange(124..<136, with: sizeField(size))
        put("00000000000", at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(octal(UInt64(sum), digits: 6), at: 148)
        block[154] = 0
        return block
    }

    private static func sizeField(_ size: UInt64) -> [UInt8] {
        if size < 1 << 33 { return Array(octal(size, digits: 11).utf8) + [0] }
        return [0x80, 0, 0, 0]
            + stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: size >> UInt64($0)) }
    }

    private static func octal(_ number: UInt64, digits: Int) -> String {
        let text = String(number, radix: 8)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    static func padding(after size: UInt64) -> [UInt8] {
        [UInt8](repeating: 0, count: (blockBytes - Int(size % UInt64(blockBytes))) % blockBytes)
    }
}
