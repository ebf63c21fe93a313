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

    private let paths: [String]
    private var sequence: UInt64 = 0
    private var offset: Int64 = 0

    init(paths: [String]) { self.paths = paths }

    /// Everything written since the last call; empty when there is nothing new.
    public mutating func next() throws(Failure) -> [LogRecord] {
        var result: [LogRecord] = []
        do throws(KernelError) {
            for file in try files() where file.sequence >= sequence {
                if file.sequence > sequence {
                    sequence = file.sequence
                    offset = Int64(Self.headerBytes)
                }
                try read(file.descriptor, into: &result)
            }
            return result
        } catch {
            throw error.failure("log.unreadable", doing: "read the container's log", on: paths[0])
        }
    }

    /// The files that hold something, older one first.
    private func files() throws(KernelError) -> [(sequence: UInt64, descriptor: OwnedDescriptor)] {
        var found: [(UInt64, OwnedDescriptor)] = []
        for path in paths {
            do throws(KernelError) {
                let file = try OwnedDescriptor.open(RawPath(path), [.readOnly, .noFollow])
                let header = try bytes(of: file, at: 0, count: Self.headerBytes)
                if header.count == Self.headerBytes, Self.number(header[0..<4]) == Self.magic {
                    found.append((Self.number(header[8..<16]), file))
                }
            } catch {
                if error.errno != Errno.noEntry { throw error }
            }
        }
        return found.sorted { $0.0 < $1.0 }
    }

    private mutating func read(_ file: OwnedDescriptor, into result: inout [LogRecord]) throws(KernelError) {
        while true {
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
