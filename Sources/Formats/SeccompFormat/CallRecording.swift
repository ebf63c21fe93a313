public import Diagnostics
import FoundationEssentials

/// Which calls a workload was seen to make, as `bulkhead-probe record` wrote them down.
public struct CallRecording: Equatable, Sendable {
    public struct Entry: Hashable, Sendable {
        public var number: UInt32
        /// Six; zero where an argument does not matter.
        public var arguments: [UInt64]
    }

    /// Of the native ABI.
    public var entries: Set<Entry>
    /// Numbers called by another ABI: no profile of ours opens one.
    public var foreign: Set<UInt32>
    /// How the command ended, as shells give it.
    public var status: Int32

    public static let bytesMax = 4 << 20

    /// - Throws: `seccomp.recording-invalid` when it is not whole.
    public init(_ text: String) throws(Failure) {
        guard text.utf8.count <= Self.bytesMax else { throw Self.invalid("it has \(text.utf8.count) bytes") }
        let lines = text.split(separator: "\n")
        guard lines.count >= 2 else { throw Self.invalid("it has \(lines.count) lines") }
        let head: Head = try Self.decode(lines[0])
        guard head.recording == 1 else { throw Self.invalid("its version is \(head.recording)") }
        let end: End = try Self.decode(lines[lines.count - 1])
        guard end.done == lines.count - 2 else {
            throw Self.invalid("it counts \(end.done) lines and has \(lines.count - 2)")
        }
        (entries, foreign, status) = ([], [], end.status)
        for text in lines.dropFirst().dropLast() {
            let line: Line = try Self.decode(text)
            let arguments = line.arguments.compactMap { UInt64($0, radix: 16) }
            guard arguments.count == 6 else { throw Self.invalid("a call has not six arguments") }
            if line.table == "native" {
                entries.insert(Entry(number: line.call, arguments: arguments))
            } else {
                foreign.insert(line.call)
            }
        }
    }

    private struct Head: Decodable { var recording: Int }
    private struct End: Decodable {
        var done: Int
        var status: Int32
    }
    private struct Line: Decodable {
        var table: String
        var call: UInt32
        var arguments: [String]
    }

    private static func decode<Value: Decodable>(_ line: Substring) throws(Failure) -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(line.utf8)) } catch {
            throw invalid("'\(Untrusted.shown(String(line.prefix(120))))' is not a line of it")
        }
    }

    private static func invalid(_ cause: String) -> Failure {
        Failure(
            "seccomp.recording-invalid", doing: "read the recording", cause: cause,
            remedy: "see that the command ran to its end, and that the container may be traced")
    }
}
