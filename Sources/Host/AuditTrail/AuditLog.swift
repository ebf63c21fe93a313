public import AuditFormat
public import Diagnostics
import LinuxKernel

/// The append-only log of what was started, entered and refused on this host, each line chained to the one before.
///
/// A line is whole in the kernel's hands when `append` returns, which survives every crash of ours; the disk is not
/// waited for, so that a launch costs no more, and a power failure may take the newest lines along. Several programs
/// append to one log; a lock orders them.
public struct AuditLog: Sendable {
    /// A file is put aside when it has grown this long, and the chain goes on in the next.
    public static let fileBytesMax: Int64 = 16 << 20
    /// Files put aside; the oldest goes when there are more.
    public static let filesMax = 64
    /// Of one line: longer texts in it are cut.
    static let textBytesMax = 1_024
    private static let tailBytes = 64 << 10
    private static let shortTailBytes = 4 << 10
    static let current = "log"
    static let headName = "head"

    public let directory: String

    /// `directory` is made, private to root, with the first line.
    public init(directory: String) { self.directory = directory }

    /// - Throws: `audit.unwritable`: nothing is started that cannot be accounted for.
    public func append(_ event: String, _ details: [String: String]) throws(Failure) {
        do throws(KernelError) {
            let folder = try folder()
            _ = try folder.lock(exclusive: true, wait: true)
            defer { withExtendedLifetime(folder) {} }
            try append(event, details.mapValues { .string(Self.cut($0)) }, in: folder)
        } catch {
            throw error.failure(
                "audit.unwritable", doing: "write the audit log in", on: directory,
                remedy: "see that there is space left on the file system of the store", retry: .later)
        }
    }

    private func folder() throws(KernelError) -> OwnedDescriptor {
        do throws(KernelError) { return try OwnedDescriptor.open(RawPath(directory), [.directory]) } catch {
            guard error.errno == Errno.noEntry else { throw error }
        }
        try Directories.makeAll(directory, mode: 0o700)
        return try OwnedDescriptor.open(RawPath(directory), [.directory])
    }

    private func append(
        _ event: String, _ details: [String: AuditDocument], in folder: OwnedDescriptor
    ) throws(KernelError) {
        var file = try folder.open(RawPath(Self.current), [.readWrite, .create, .append, .noFollow], mode: 0o600)
        let size = try file.status().size
        let head = try Self.head(in: folder)
        var end = try Self.end(of: file, size: size, head)
        if let head { end.goOn(from: head) }
        if size >= Self.fileBytesMax {
            try Self.rotate(folder, last: end.sequence)
            file = try folder.open(RawPath(Self.current), [.readWrite, .create, .append, .noFollow], mode: 0o600)
        }
        let entry = AuditLogEntry(
            sequence: end.sequence + 1, time: Int64(HostFacts.wallClock() * 1_000), event: event, details: details,
            previous: end.hash)
        // Behind what a power failure cut off, a line begins anew.
        try file.write((end.isTorn ? "\n" : "") + entry.line)
        try Self.writeHead(entry, in: folder)
    }

    /// What the next line follows.
    private struct End {
        var sequence: Int64 = 0
        var hash = AuditLogEntry.firstPrevious
        var isTorn = false
        /// The last line is no entry.
        var isDamaged = false

        /// Lines that were written and are not there any more stay missing: the chain goes on behind them, so that the
        /// next line does not hide the gap. One line that was cut in half is accounted for by its hash instead.
        mutating func goOn(from head: (sequence: Int64, hash: String)) {
            let isCut = isDamaged && head.sequence == sequence + 1
            if head.sequence > sequence, !isCut { (sequence, hash) = head }
        }
    }

    private static func end(
        of file: OwnedDescriptor, size: Int64, _ head: (sequence: Int64, hash: String)?
    ) throws(KernelError) -> End {
        if size == 0 { return End() }
        // Every launch waits for this one, so what most lines fit in is read first, and the rest only for a long one.
        for length in [shortTailBytes, tailBytes] {
            let from = max(0, size - Int64(length))
            let bytes = try file.readBytes(Int(size - from), at: from)
            if let head, isLast(of: bytes, head) { return End(sequence: head.sequence, hash: head.hash) }
            if let end = end(of: bytes, isWhole: from == 0 || length == tailBytes) { return end }
        }
        return End()
    }

    /// Whether `bytes` end with the line that was written last, whole: then nothing needs to be read from it.
    private static func isLast(of bytes: [UInt8], _ head: (sequence: Int64, hash: String)) -> Bool {
        let newline = UInt8(ascii: "\n")
        guard bytes.last == newline else { return false }
        let line = bytes.dropLast()
        let start = line.lastIndex(of: newline).map { $0 + 1 } ?? line.startIndex
        return AuditLogEntry.isEntry(line[start...], sequence: head.sequence, hash: head.hash)
    }

    /// nil when `bytes` are not the whole tail, and the last line is not whole in them or no entry.
    private static func end(of bytes: [UInt8], isWhole: Bool) -> End? {
        let newline = UInt8(ascii: "\n")
        var end = End()
        end.isTorn = bytes.last != newline
        guard let behind = bytes.lastIndex(where: { $0 != newline }) else { return isWhole ? End() : nil }
        let before = bytes[..<behind].lastIndex(of: newline)
        if before == nil, !isWhole { return nil }
        let last = Array(bytes[(before.map { $0 + 1 } ?? 0)...behind])
        if let entry = AuditLogEntry(line: last) {
            (end.sequence, end.hash) = (entry.sequence, entry.hash)
            return end
        }
        guard isWhole else { return nil }
        end.isDamaged = true
        end.hash = AuditLogEntry.hash(ofDamaged: last)
        let earlier = bytes.split(separator: newline).dropLast()
        end.sequence = earlier.reversed().lazy.compactMap { AuditLogEntry(line: Array($0)) }.first?.sequence ?? 0
        return end
    }

    private static func padded(_ number: Int64) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, 20 - digits.count)) + digits
    }

    private static func writeHead(_ entry: AuditLogEntry, in folder: OwnedDescriptor) throws(KernelError) {
        // Always as long as before, so that it is replaced in place.
        let head = try folder.open(RawPath(headName), [.writeOnly, .create, .noFollow], mode: 0o600)
        try head.write("\(padded(entry.sequence)) \(entry.hash)\n")
    }

    static func head(in folder: OwnedDescriptor) throws(KernelError) -> (sequence: Int64, hash: String)? {
        do throws(KernelError) {
            let text = String(
                decoding: try folder.open(RawPath(headName), [.noFollow]).readAll(limit: 256), as: UTF8.self)
            let words = text.split(whereSeparator: \.isWhitespace)
            guard words.count == 2, let sequence = Int64(words[0]) else { return nil }
            return (sequence, String(words[1]))
        } catch {
            if error.errno == Errno.noEntry { return nil }
            throw error
        }
    }

    private static func rotate(_ folder: OwnedDescriptor, last: Int64) throws(KernelError) {
        try folder.rename(RawPath(current), to: RawPath("\(current).\(padded(last))"))
        let old = try files(in: folder).filter { $0 != current }
        for name in old.dropLast(filesMax) { try folder.unlink(RawPath(name)) }
    }

    /// Oldest first; names of files put aside sort by the number of their last line.
    static func files(in folder: OwnedDescriptor) throws(KernelError) -> [String] {
        let names = try folder.entries().map(\.name.description)
        return names.filter { $0.begins(with: current + ".") }.sorted() + names.filter { $0 == current }
    }

    private static func cut(_ text: String) -> String {
        let safe = String(text.map { $0 == "\0" ? " " : $0 })
        if safe.utf8.count <= textBytesMax { return safe }
        return String(decoding: safe.utf8.prefix(textBytesMax), as: UTF8.self) + "…"
    }
}

extension AuditLog {
    /// What the log has of one container, oldest first, from its launch on; nil when its launch is in none of the
    /// files. Files are read from the newest back. Lines are taken one by one; `verify` says whether the chain holds.
    /// - Throws: `audit.unreadable`.
    public func entries(about container: String) throws(Failure) -> [AuditLogEntry]? {
        var found: [AuditLogEntry] = []
        let mark = Array("\"\(container)\"".utf8)
        do throws(KernelError) {
            for part in try opened().parts.reversed() {
                let bytes = try part.bytes()
                let lines = bytes.split(separator: UInt8(ascii: "\n")).filter { $0.contains(mark) }
                let entries = lines.compactMap { AuditLogEntry(line: Array($0)) }
                found = entries.filter { $0.details["container"]?.text == container } + found
                if found.contains(where: { $0.event == "launch" }) { return found }
            }
        } catch {
            throw error.failure("audit.unreadable", doing: "read the audit log in", on: directory)
        }
        return nil
    }

    /// Reads the whole log and follows its chain; also compares its end with where it was last written to.
    /// - Throws: `audit.unreadable`.
    public func verify() throws(Failure) -> AuditLogVerification {
        var verification = AuditLogVerification()
        do throws(KernelError) {
            let (parts, head) = try opened()
            for part in parts {
                guard verification.add(try part.bytes(), name: part.name) else { return verification }
            }
            verification.judge(head: head, filesAside: parts.count { $0.name != Self.current }, of: Self.filesMax)
        } catch {
            throw error.failure("audit.unreadable", doing: "read the audit log in", on: directory)
        }
        return verification
    }

    /// A file of the log as it was at one moment: later lines only come after these.
    private struct Part {
        var name: String
        var file: OwnedDescriptor
        var size: Int64

        func bytes() throws(KernelError) -> [UInt8] {
            Array(try file.readAll(limit: Int(fileBytesMax) + tailBytes).prefix(Int(size)))
        }
    }

    /// All files of one moment, oldest first, and where the log was last written to. Whoever starts a container waits
    /// for the lock, which is held no longer than opening them takes, and not while a gigabyte is read.
    private func opened() throws(KernelError) -> (parts: [Part], head: (sequence: Int64, hash: String)?) {
        let folder = try OwnedDescriptor.open(RawPath(directory), [.directory])
        _ = try folder.lock(exclusive: false, wait: true)
        defer { withExtendedLifetime(folder) {} }
        var parts: [Part] = []
        for name in try Self.files(in: folder) {
            let file = try folder.open(RawPath(name), [.noFollow])
            parts.append(Part(name: name, file: file, size: try file.status().size))
        }
        return (parts, try Self.head(in: folder))
    }
}
