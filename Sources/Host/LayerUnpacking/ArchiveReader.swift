import CArchive
import Diagnostics
import LinuxKernel
import OCIFormat

/// libarchive as a decoder of what a task's author may have packed: tar and zip, with gzip, bzip2, xz or zstd; or one
/// compressed file. Reads a file from its start; memory does not depend on what is in it but for xz's window.
final class ArchiveReader {
    private let archive: OpaquePointer
    private let input: Input
    private var entry: OpaquePointer?
    private var lastName: [UInt8]?

    /// What libarchive's callbacks read from.
    private final class Input {
        let source: OwnedDescriptor
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
        var position: Int64 = 0
        let size: Int64
        var failure: KernelError?

        init(_ source: OwnedDescriptor) throws(KernelError) {
            self.source = source
            size = try source.status().size
        }

        deinit { buffer.deallocate() }

        func read() -> Int {
            do throws(KernelError) {
                let count = try source.read(into: buffer, at: position)
                position += Int64(count)
                return count
            } catch {
                failure = error
                return -1
            }
        }

        func seek(_ offset: Int64, _ whence: Int32) -> Int64 {
            // SEEK_SET, SEEK_CUR, SEEK_END.
            let (start, isKnown): (Int64, Bool) =
                switch whence {
                case 0: (0, true)
                case 1: (position, true)
                case 2: (size, true)
                default: (0, false)
                }
            let (target, overflow) = start.addingReportingOverflow(offset)
            guard isKnown, !overflow, target >= 0 else { return Int64(ARCHIVE_FATAL) }
            position = target
            return target
        }
    }

    struct Entry {
        enum Kind: Equatable {
            case regular, directory
            case link(target: [UInt8])
            case hardLink(target: [UInt8])
            /// Device nodes, fifos, sockets: never made.
            case special
        }
        var name: [UInt8]
        var kind: Kind
        /// Permission bits without set-user-ID and the like.
        var mode: UInt32
        var modifiedSeconds: Int64
    }

    /// - Parameter single: take the stream for one compressed file, no archive.
    init(_ source: OwnedDescriptor, single: Bool) throws(Failure) {
        do throws(KernelError) { input = try Input(source) } catch {
            throw error.failure("archive.read", doing: "read the archive", retry: .later)
        }
        guard let archive = archive_read_new() else { throw Refusal.memory() }
        self.archive = archive
        archive_read_support_filter_gzip(archive)
        archive_read_support_filter_bzip2(archive)
        archive_read_support_filter_xz(archive)
        archive_read_support_filter_zstd(archive)
        if single {
            archive_read_support_format_raw(archive)
        } else {
            archive_read_support_format_tar(archive)
            archive_read_support_format_zip(archive)
        }
        archive_read_support_format_empty(archive)
        archive_read_set_callback_data(archive, Unmanaged.passUnretained(input).toOpaque())
        archive_read_set_read_callback(archive) { _, context, buffer in
            guard let context, let buffer else { return -1 }
            let input = Unmanaged<Input>.fromOpaque(context).takeUnretainedValue()
            buffer.pointee = UnsafeRawPointer(input.buffer.baseAddress)
            return input.read()
        }
        archive_read_set_seek_callback(archive) { _, context, offset, whence in
            guard let context else { return Int64(ARCHIVE_FATAL) }
            return Unmanaged<Input>.fromOpaque(context).takeUnretainedValue().seek(offset, whence)
        }
        if archive_read_open1(archive) != ARCHIVE_OK { throw problem() }
    }

    deinit { archive_read_free(archive) }

    /// Compressed bytes read so far.
    var bytesRead: UInt64 { UInt64(clamping: archive_filter_bytes(archive, -1)) }

    /// The next entry; nil at the archive's end.
    func next() throws(Failure) -> Entry? {
        let answer = archive_read_next_header(archive, &entry)
        if answer == ARCHIVE_EOF { return nil }
        guard let entry, answer == ARCHIVE_OK || (answer == ARCHIVE_WARN && isOnlyConversion()) else { throw problem() }
        let name = bytes(archive_entry_pathname(entry))
        lastName = name
        return Entry(
            name: name, kind: kind(of: entry), mode: UInt32(archive_entry_mode(entry)) & 0o777,
            modifiedSeconds: Int64(archive_entry_mtime(entry)))
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

    private func kind(of entry: OpaquePointer) -> Entry.Kind {
        if let target = archive_entry_hardlink(entry) { return .hardLink(target: bytes(target)) }
        switch UInt32(archive_entry_filetype(entry)) {
        case 0o100000, 0: return .regular
        case 0o040000: return .directory
        case 0o120000: return .link(target: bytes(archive_entry_symlink(entry)))
        default: return .special
        }
    }

    private func isOnlyConversion() -> Bool { message().contains("can't be converted") }

    private func message() -> String {
        archive_error_string(archive).map { String(cString: $0) } ?? "the decoder gave no reason"
    }

    private func problem() -> Failure {
        if let failure = input.failure {
            return failure.failure("archive.read", doing: "read the archive", retry: .later)
        }
        if archive_errno(archive) == Errno.noMemory { return Refusal.memory(at: lastName) }
        return Failure(
            "archive.invalid", doing: "read the archive", on: lastName.map { "after " + Refusal.shown($0) },
            cause: message(), remedy: "pack it again as tar (gzip, bzip2, xz, zstd) or zip")
    }

    private func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        guard let text else { return [] }
        var end = text
        while end.pointee != 0 { end += 1 }
        return Array(UnsafeRawBufferPointer(start: text, count: end - text))
    }
}
