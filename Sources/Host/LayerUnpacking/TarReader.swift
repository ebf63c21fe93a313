import CArchive
import Diagnostics
import LinuxKernel
import OCIFormat

/// libarchive as a tar decoder and nothing else: no other format, no filter, no name conversion, no writing.
final class TarReader {
    private let archive: OpaquePointer
    private let stream: TarStream
    private let limits: ImageLimits
    private var entry: OpaquePointer?
    private var lastName: [UInt8]?
    /// Given back when the decoder fails, so that saying so is possible when it failed for want of memory.
    private var reserve: UnsafeMutableRawPointer? = .allocate(byteCount: 1 << 20, alignment: 16)

    init(_ stream: TarStream, limits: ImageLimits) throws(Failure) {
        guard let archive = archive_read_new() else {
            throw Failure("layer.memory", doing: "start the tar decoder", cause: "out of memory", retry: .later)
        }
        self.archive = archive
        self.stream = stream
        self.limits = limits
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        archive_read_set_callback_data(archive, Unmanaged.passUnretained(stream).toOpaque())
        archive_read_set_read_callback(archive) { archive, context, buffer in
            guard let context, let buffer else { return -1 }
            let stream = Unmanaged<TarStream>.fromOpaque(context).takeUnretainedValue()
            guard let chunk = stream.next() else { return stream.failure == nil ? 0 : -1 }
            buffer.pointee = chunk.baseAddress
            return chunk.count
        }
        if archive_read_open1(archive) != ARCHIVE_OK { throw problem() }
    }

    deinit {
        archive_read_free(archive)
        reserve?.deallocate()
    }

    /// The next entry; nil at the archive's end. What is left of the previous one is skipped.
    func next() throws(Failure) -> TarEntry? {
        let answer = archive_read_next_header(archive, &entry)
        if answer == ARCHIVE_EOF {
            if let failure = stream.failure { throw failure }
            return nil
        }
        guard let entry, answer == ARCHIVE_OK || (answer == ARCHIVE_WARN && isOnlyConversion()) else { throw problem() }
        let result = try read(entry)
        lastName = result.name
        return result
    }

    /// The next piece of the current entry's content and where it belongs; nil at its end. Valid until the next call.
    func nextBlock() throws(Failure) -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var start: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        switch archive_read_data_block(archive, &start, &count, &offset) {
        case ARCHIVE_OK: return (UnsafeRawBufferPointer(start: start, count: count), offset)
        case ARCHIVE_EOF: return nil
        default: throw problem()
        }
    }

    /// libarchive warns when a name is not valid in the locale's character set and keeps the bytes, which is what we
    /// want. Any other warning means that it guessed.
    private func isOnlyConversion() -> Bool { message().contains("can't be converted") }

    private func message() -> String {
        archive_error_string(archive).map { String(cString: $0) } ?? "the tar decoder gave no reason"
    }

    private func problem() -> Failure {
        reserve?.deallocate()
        reserve = nil
        if let failure = stream.failure { return failure }
        if archive_errno(archive) == Errno.noMemory { return Refusal.memory(at: lastName) }
        return Refusal.archive(message(), at: lastName)
    }

    private func read(_ entry: OpaquePointer) throws(Failure) -> TarEntry {
        let name = bytes(archive_entry_pathname(entry))
        let raw = RawNumbers(
            uid: archive_entry_uid(entry), gid: archive_entry_gid(entry), size: archive_entry_size(entry),
            seconds: Int64(archive_entry_mtime(entry)), nanoseconds: Int64(archive_entry_mtime_nsec(entry)))
        let numbers = try raw.checked(for: name, limits: limits)
        return TarEntry(
            name: name, kind: try kind(of: entry, name), mode: UInt32(archive_entry_mode(entry)) & 0o7777,
            uid: numbers.uid, gid: numbers.gid, size: numbers.size, modified: numbers.modified,
            attributes: try attributes(of: entry, name))
    }

    private func kind(of entry: OpaquePointer, _ name: [UInt8]) throws(Failure) -> TarEntry.Kind {
        if let target = archive_entry_hardlink(entry) { return .hardLink(target: bytes(target)) }
        switch UInt32(archive_entry_filetype(entry)) {
        case 0o100000: return .regular
        case 0o040000: return .directory
        case 0o120000: return .link(target: bytes(archive_entry_symlink(entry)))
        case 0o010000: return .fifo
        case 0o020000, 0o060000: return .device
        case 0o140000: return .socket
        default: throw Refusal.entry(name, field: "typeflag", "its type is unknown")
        }
    }

    private func attributes(of entry: OpaquePointer, _ name: [UInt8]) throws(Failure) -> [TarEntry.Attribute] {
        let count = Int(archive_entry_xattr_reset(entry))
        if count == 0 { return [] }
        guard count <= limits.attributeEntries else {
            throw Refusal.limit(
                "unpack the entry", on: name, field: "xattr", "extended attributes \(limits.attributeEntries)")
        }
        var result: [TarEntry.Attribute] = []
        var key: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while archive_entry_xattr_next(entry, &key, &value, &size) == ARCHIVE_OK {
            guard size <= limits.attributeBytes else {
                throw Refusal.limit(
                    "unpack the entry", on: name, field: "xattr", "bytes of an attribute \(limits.attributeBytes)")
            }
            result.append(
                TarEntry.Attribute(
                    name: bytes(key), value: Array(UnsafeRawBufferPointer(start: value, count: size))))
        }
        return result
    }

    private func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text else { return [] }
        var end = text
        while end.pointee != 0 { end += 1 }
        return Array(UnsafeRawBufferPointer(start: text, count: end - text))
    }
}
