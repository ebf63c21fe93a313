public import Containers
public import Diagnostics
import LinuxKernel

/// A piece of a container's output as init logged it.
public struct LogRecord: Equatable, Sendable {
    public enum Stream: UInt32, Sendable {
        case output = 1
        case error = 2
        /// Bytes were lost because the log could not be written; `lost` says how many.
        case dropped = 3
    }
    public var stream: Stream
    /// Nanoseconds since 1970.
    public var at: UInt64
    public var bytes: [UInt8]
    public var lost: UInt32

    public init(stream: Stream, at: UInt64, bytes: [UInt8], lost: UInt32) {
        self.stream = stream
        self.at = at
        self.bytes = bytes
        self.lost = lost
    }
}

/// Reads the two log files of a container in the order they were written, and goes on where it stopped.
///
/// Format: plan.h, `struct bh_log_header` and `struct bh_log_record`. A file that is overwritten while it is read shows
/// another sequence number; what was not read by then is gone, as with any rotated log.
public struct ContainerLog: Sendable {
    private static let magic: UInt64 = 0x474f_4c42
    private static let headerBytes = 16
    private static let recordBytesMax = 1 << 20
    /// Read at a time, so that a long log needs little memory.
    private static let batchBytes: Int64 = 1 << 20

    private let paths: [String]
    private var sequence: UInt64 = 0
    private var offset: Int64 = 0

    init(paths: [String]) { self.paths = paths }

    /// What was written since the last call, at most some megabytes of it; empty when there is nothing new.
    public mutating func next() throws(Failure) -> [LogRecord] {
        do throws(KernelError) {
            for file in try files() where file.sequence >= sequence {
                if file.sequence > sequence {
                    sequence = file.sequence
                    offset = Int64(Self.headerBytes)
                }
                let batch = try batch(of: file.descriptor)
                if !batch.isEmpty { return batch }
            }
            return []
        } catch {
            throw error.failure("log.unreadable", doing: "read the container's log", on: paths[0])
        }
    }

    /// Init may start the file anew while it is read; then what was read, and where reading stood, mean nothing.
    private mutating func batch(of file: OwnedDescriptor) throws(KernelError) -> [LogRecord] {
        let start = offset
        var records: [LogRecord] = []
        var problem: KernelError?
        do throws(KernelError) { try read(file, into: &records) } catch { problem = error }
        guard try header(of: file) == sequence else {
            offset = start
            return []
        }
        if let problem { throw problem }
        return records
    }

    /// The sequence number a file has now; nil when it is none of ours.
    private func header(of file: OwnedDescriptor) throws(KernelError) -> UInt64? {
        let header = try bytes(of: file, at: 0, count: Self.headerBytes)
        guard header.count == Self.headerBytes, Self.number(header[0..<4]) == Self.magic else { return nil }
        return Self.number(header[8..<16])
    }

    /// The files that hold something, older one first.
    private func files() throws(KernelError) -> [(sequence: UInt64, descriptor: OwnedDescriptor)] {
        var found: [(UInt64, OwnedDescriptor)] = []
        for path in paths {
            do throws(KernelError) {
                let file = try OwnedDescriptor.open(RawPath(path), [.readOnly, .noFollow])
                if let sequence = try header(of: file) { found.append((sequence, file)) }
            } catch {
                if error.errno != Errno.noEntry { throw error }
            }
        }
        return found.sorted { $0.0 < $1.0 }
    }

    private mutating func read(_ file: OwnedDescriptor, into result: inout [LogRecord]) throws(KernelError) {
        let most = offset + Self.batchBytes
        while offset < most {
            let head = try bytes(of: file, at: offset, count: Self.headerBytes)
            guard head.count == Self.headerBytes else { return }
            let length = Int(Self.number(head[8..<12]))
            guard let stream = LogRecord.Stream(rawValue: UInt32(Self.number(head[12..<16]))),
                length <= Self.recordBytesMax || stream == .dropped
            else { throw KernelError(call: "a damaged log record: read", errno: Errno.invalid) }
            var record = LogRecord(stream: stream, at: Self.number(head[0..<8]), bytes: [], lost: 0)
            if stream == .dropped {
                record.lost = UInt32(length)
                offset += Int64(Self.headerBytes)
            } else {
                record.bytes = try bytes(of: file, at: offset + Int64(Self.headerBytes), count: length)
                guard record.bytes.count == length else { return }
                offset += Int64(Self.headerBytes + length)
            }
            result.append(record)
        }
    }

    private func bytes(of file: OwnedDescriptor, at offset: Int64, count: Int) throws(KernelError) -> [UInt8] {
        try file.readBytes(count, at: offset)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension NativeContainerizer {
    /// The log of a container, from the oldest record kept.
    public func log(_ id: ContainerID) -> ContainerLog {
        ContainerLog(paths: [records.log(id, 0), records.log(id, 1)])
    }
}
