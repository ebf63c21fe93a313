import Containerizing
import Diagnostics
import LinuxKernel
import OCIFormat
import Waiting

/// The calls of the Docker Engine API that we make, version 1.41 of it.
struct Engine: Sendable {
    static let version = "v1.41"
    static let answerBytesMax = 32 << 20
    private static let bounds = JSONBounds(bytes: UInt64(answerBytesMax), depth: 64, values: 1_000_000)
    let path: String
    /// No deadline is later than this: for tests of an engine that hangs.
    var secondsMax = Double.infinity

    /// Sends a call and reads the head of the answer. What comes after that has no deadline: it is a stream.
    /// - Throws: `docker.unreachable`, `docker.connection`, `docker.no-answer`.
    func open(
        _ method: String, _ target: String, _ body: JSONValue? = nil, upgrading: Bool = false, doing: String,
        on subject: String? = nil
    ) async throws(Failure) -> EngineAnswer {
        try await within(EngineDeadline(method), doing: doing, on: subject) { () throws(Failure) in
            try await exchange(method, target, body, upgrading: upgrading)
        }
    }

    private func exchange(
        _ method: String, _ target: String, _ body: JSONValue?, upgrading: Bool
    ) async throws(Failure) -> EngineAnswer {
        let content = body.map { Array($0.text.utf8) } ?? []
        let connection = try EngineConnection(to: path)
        var head = "\(method) /\(Self.version)\(target) HTTP/1.1\r\nHost: docker\r\n"
        head += upgrading ? "Connection: Upgrade\r\nUpgrade: tcp\r\n" : "Connection: close\r\n"
        if body != nil { head += "Content-Type: application/json\r\n" }
        head += "Content-Length: \(content.count)\r\n\r\n"
        _ = try await connection.send(Array(head.utf8) + content)
        return try await EngineAnswer(reading: connection, withoutBody: method == "HEAD")
    }

    /// A call with a short answer. `accepting` are the statuses that are no failure; `deadline` is for the whole of it,
    /// nil: what the method calls for.
    /// - Throws: as `open`, and `docker.refused`.
    func call(
        _ method: String, _ target: String, _ body: JSONValue? = nil, accepting: Set<Int> = [200, 201, 204],
        within deadline: EngineDeadline? = nil, doing: String, on subject: String? = nil
    ) async throws(Failure) -> (status: Int, body: JSONValue) {
        let (status, content) = try await within(deadline ?? EngineDeadline(method), doing: doing, on: subject) {
            () throws(Failure) -> (Int, [UInt8]) in
            try await Self.whole(try await exchange(method, target, body, upgrading: false))
        }
        guard accepting.contains(status) else { throw Self.refusal(status, content, doing: doing, on: subject) }
        return (status, Self.json(content))
    }

    private static func whole(_ opened: EngineAnswer) async throws(Failure) -> (Int, [UInt8]) {
        var answer = opened
        let content = try await answer.body(bytesMax: answerBytesMax)
        return (answer.status, content)
    }

    /// What `body` gives, unless the engine takes longer over it than it may. The connection goes with it.
    private func within<Value: Sendable>(
        _ deadline: EngineDeadline, doing: String, on subject: String?,
        _ body: @escaping @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        guard let most = deadline.seconds else { return try await body() }
        let seconds = min(most, secondsMax)
        let outcome = await Patience.waiting(seconds: seconds) { () -> Result<Value, Failure>? in
            do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
        }
        if let outcome { return try outcome.get() }
        guard !Task.isCancelled else { throw EngineConnection.cut("whoever asked has given up") }
        let limit = Int(seconds.rounded(.up))
        throw Failure(
            "docker.no-answer", doing: doing, on: subject,
            cause: "the Docker Engine at \(path) did not answer within \(limit) s",
            remedy: "see the engine's log, and start it anew if it hangs", limit: "seconds \(limit)", retry: .later)
    }

    /// The value, or null for what is not JSON, such as an empty body.
    static func json(_ content: [UInt8]) -> JSONValue {
        do throws(Failure) { return try bounds.value(parsing: content, as: "the Docker Engine's answer") } catch {
            return .null
        }
    }

    static func refusal(_ status: Int, _ content: [UInt8], doing: String, on subject: String?) -> Failure {
        let said = json(content)["message"].string ?? String(decoding: content.prefix(600), as: UTF8.self)
        return Failure(
            "docker.refused", doing: doing, on: subject, cause: "the Docker Engine answered \(status): \(said)",
            remedy: status >= 500 ? "see the engine's log" : nil, retry: status >= 500 ? .later : .never)
    }

    /// Why a stream was not opened.
    func refusal(of answer: EngineAnswer, doing: String, on subject: String?) async -> Failure {
        do throws(Failure) {
            let (status, content) = try await within(.question, doing: doing, on: subject) {
                () throws(Failure) -> (Int, [UInt8]) in try await Self.whole(answer)
            }
            return Self.refusal(status, content, doing: doing, on: subject)
        } catch { return error }
    }

    /// Sends a file as the body.
    func upload(_ target: String, _ file: OwnedDescriptor, doing: String, on subject: String) async throws(Failure) {
        let pool = ThreadPool.shared
        let size = try await pool.run { () throws(Failure) in try Self.reading { () throws(KernelError) in
            Int64(try file.status().size) } }
        let connection = try EngineConnection(to: path)
        let head =
            "POST /\(Self.version)\(target) HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
            + "Content-Type: application/x-tar\r\nContent-Length: \(size)\r\n\r\n"
        var isRead = try await send(Array(head.utf8), over: connection, doing: doing, on: subject)
        var offset: Int64 = 0
        while isRead, offset < size {
            let start = offset
            let piece = try await pool.run { () throws(Failure) in
                try Self.reading { () throws(KernelError) in
                    try file.readBytes(Int(min(1 << 20, size - start)), at: start)
                }
            }
            guard !piece.isEmpty else { break }
            offset += Int64(piece.count)
            isRead = try await send(piece, over: connection, doing: doing, on: subject)
        }
        let (status, content) = try await within(.files, doing: doing, on: subject) {
            () throws(Failure) -> (Int, [UInt8]) in
            try await Self.whole(try await EngineAnswer(reading: connection, withoutBody: false))
        }
        // Trouble on the way is told in the body, after the status.
        let text = String(decoding: content, as: UTF8.self)
        guard status == 200, !text.contains("\"errorDetail\"") else {
            throw Self.refusal(status, content, doing: doing, on: subject)
        }
    }

    private func send(
        _ bytes: [UInt8], over connection: EngineConnection, doing: String, on subject: String
    ) async throws(Failure) -> Bool {
        try await within(.files, doing: doing, on: subject) { () throws(Failure) in try await connection.send(bytes) }
    }

    private static func reading<Value>(_ body: () throws(KernelError) -> Value) throws(Failure) -> Value {
        do throws(KernelError) { return try body() } catch {
            throw error.failure("image.export-read", doing: "read the image that was written out")
        }
    }

    /// A value of a query, percent-encoded.
    static func quoted(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            let scalar = Unicode.Scalar(byte)
            if scalar.properties.isASCIIHexDigit || (scalar.isASCII && scalar.properties.isAlphabetic)
                || "-._~".unicodeScalars.contains(scalar)
            {
                result.unicodeScalars.append(scalar)
            } else {
                result += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return result
    }
}

extension JSONValue {
    /// A member of an object; null when there is none.
    subscript(_ name: String) -> JSONValue {
        if case .object(let members) = self { members[name] ?? .null } else { .null }
    }
    var string: String? { if case .string(let text) = self { text } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var unsigned: UInt64? { if case .number(let text) = self { UInt64(text) } else { nil } }
    var integer: Int64? { if case .number(let text) = self { Int64(text) } else { nil } }
    var array: [JSONValue] { if case .array(let values) = self { values } else { [] } }
    var strings: [String] { array.compactMap(\.string) }
}
