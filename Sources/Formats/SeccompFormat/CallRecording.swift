public import Diagnostics
import JSONFormat

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
        let lines = text.cut(at: "\n")
        guard lines.count >= 2 else { throw Self.invalid("it has \(lines.count) lines") }
        let head = try Self.read(lines[0]) { (line) throws(Failure) in try line.required("recording").number() }
        guard head == 1 else { throw Self.invalid("its version is \(head)") }
        let end = try Self.read(lines[lines.count - 1], End.init)
        guard end.done == lines.count - 2 else {
            throw Self.invalid("it counts \(end.done) lines and has \(lines.count - 2)")
        }
        (entries, foreign, status) = ([], [], end.status)
        for text in lines.dropFirst().dropLast() {
            let line = try Self.read(text, Line.init)
            let arguments = line.arguments.compactMap { UInt64($0, radix: 16) }
            guard arguments.count == 6 else { throw Self.invalid("a call has not six arguments") }
            if line.table == "native" {
                entries.insert(Entry(number: line.call, arguments: arguments))
            } else {
                foreign.insert(line.call)
            }
        }
    }

    private struct End {
        let done: UInt64
        let status: Int32

        init(_ line: ProfileObject) throws(Failure) {
            done = try line.required("done").number()
            status = try line.required("status").narrow()
        }
    }

    private struct Line {
        let table: String
        let call: UInt32
        let arguments: [String]

        init(_ line: ProfileObject) throws(Failure) {
            table = try line.required("table").text()
            call = try line.required("call").narrow()
            arguments = try line.required("arguments").texts()
        }
    }

    private static let limits = JSONLimits(bytes: bytesMax, depth: 4, values: 64)

    private static func read<Value>(
        _ text: Substring, _ value: (ProfileObject) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let wrong = invalid("'\(Untrusted.shown(String(text.prefix(120))))' is not a line of it")
        let tree: ProfileTree
        do throws(JSONFault) { tree = try JSONReader.read(Array(text.utf8), limits: limits) } catch { throw wrong }
        do throws(Failure) {
            return try value(try ProfileValue(tree: tree, profile: "recording", place: "").object())
        } catch { throw wrong }
    }

    private static func invalid(_ cause: String) -> Failure {
        Failure(
            "seccomp.recording-invalid", doing: "read the recording", cause: cause,
            remedy: "see that the command ran to its end, and that the container may be traced")
    }
}

extension ProfileValue {
    fileprivate func narrow<Number: FixedWidthInteger>() throws(Failure) -> Number {
        guard let number = Number(exactly: try number()) else { throw wrong("the number is too large") }
        return number
    }
}
