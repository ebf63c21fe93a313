public import Diagnostics
import FoundationEssentials

/// What one attempt of `bulkhead-probe` came back with: facts only, as Sources/Probe says them.
public struct ProbeAnswer: Equatable, Sendable {
    public enum Result: Hashable, Sendable {
        /// It worked.
        case open
        /// Something answered with this errno.
        case errno(Int32)
        /// The kernel ended the attempt with this signal.
        case signal(Int32)
        /// It could not be tried: an errno of its preparation, or ETIMEDOUT.
        case unknown(Int32)
    }

    /// The system call it ended with.
    public struct Call: Equatable, Sendable {
        public var number: UInt64
        /// Addresses among them are the probe's own and mean nothing here.
        public var arguments: [UInt64]
        /// By the 32-bit table, from a 64-bit program.
        public var isForeign: Bool
    }

    /// The file it was about, where there is one.
    public struct Place: Equatable, Sendable {
        public var path: String
        /// ST_RDONLY and the like of statvfs(3), and the owner as seen inside; nil when it could not be asked.
        public var mountFlags: UInt64?
        public var owner: UInt32?
    }

    /// The check's stable name: `mount-tmpfs`.
    public var check: String
    public var area: String
    /// In words: "mount a tmpfs".
    public var tried: String
    public var result: Result
    public var call: Call?
    public var place: Place?
}

/// Everything a run of the probe said.
public struct ProbeOutput: Equatable, Sendable {
    public var answers: [ProbeAnswer]
    /// The user it ran as, inside.
    public var user: UInt32
    /// `x86_64` or `aarch64`.
    public var processor: String

    /// A run says about 200 bytes an attempt.
    public static let bytesMax = 1 << 20

    /// - Throws: `probe.invalid-output` when it is not whole: cut off, not of this version, or not the probe's at all.
    public init(_ text: String) throws(Failure) {
        guard text.utf8.count <= Self.bytesMax else { throw Self.invalid("it has \(text.utf8.count) bytes") }
        let lines = text.cut(at: "\n")
        guard let first = lines.first, lines.count >= 2 else { throw Self.invalid("it has \(lines.count) lines") }
        let head: Head = try Self.decode(first)
        guard head.probe == 1 else { throw Self.invalid("its version is \(head.probe)") }
        let end: End = try Self.decode(lines[lines.count - 1])
        var answers: [ProbeAnswer] = []
        for line in lines.dropFirst().dropLast() { answers.append(try ProbeAnswer(try Self.decode(line))) }
        guard answers.count == end.done else {
            throw Self.invalid("it holds \(answers.count) answers and counts \(end.done)")
        }
        guard Set(answers.map(\.check)).count == answers.count else { throw Self.invalid("it answers a check twice") }
        self.answers = answers
        user = head.user
        processor = head.processor
    }

    fileprivate struct Head: Decodable {
        var probe: Int
        var user: UInt32
        var processor: String
    }

    fileprivate struct End: Decodable {
        var done: Int
    }

    fileprivate struct Line: Decodable {
        var check: String
        var area: String
        var tried: String
        var result: String
        var value: Int32
        var call: Int64?
        var arguments: [String]?
        var foreign: Bool?
        var path: String?
        var mount: UInt64?
        var owner: UInt32?
    }

    private static func decode<Value: Decodable>(_ line: Substring) throws(Failure) -> Value {
        do { return try JSONDecoder().decode(Value.self, from: Data(line.utf8)) } catch {
            throw invalid("'\(Untrusted.shown(String(line.prefix(120))))' is not a line of the probe's")
        }
    }

    fileprivate static func invalid(_ cause: String) -> Failure {
        Failure(
            "probe.invalid-output", doing: "read what the escape probe said", cause: cause,
            remedy: "see that the container ran to its end and that bulkhead-probe is of this version")
    }
}

extension ProbeAnswer {
    fileprivate init(_ line: ProbeOutput.Line) throws(Failure) {
        check = line.check
        area = line.area
        tried = line.tried
        switch line.result {
        case "open": result = .open
        case "errno": result = .errno(line.value)
        case "signal": result = .signal(line.value)
        case "unknown": result = .unknown(line.value)
        default: throw ProbeOutput.invalid("the result of \(Untrusted.shown(line.check)) has no known name")
        }
        if let number = line.call {
            let arguments = (line.arguments ?? []).map { UInt64($0, radix: 16) }
            guard arguments.count == 6, arguments.allSatisfy({ $0 != nil }) else {
                throw ProbeOutput.invalid("the call of \(Untrusted.shown(line.check)) has not six arguments")
            }
            call = Call(
                number: UInt64(bitPattern: number), arguments: arguments.compactMap(\.self),
                isForeign: line.foreign ?? false)
        }
        place = line.path.map { Place(path: $0, mountFlags: line.mount, owner: line.owner) }
    }
}
