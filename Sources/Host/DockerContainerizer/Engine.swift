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

    /// Sends a call and reads the head of the answer.
    func open(
        _ method: String, _ target: String, _ body: JSONValue? = nil, upgrading: Bool = false
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

    /// A call with a short answer. `accepting` are the statuses that are no failure.
    func call(
        _ method: String, _ target: String, _ body: JSONValue? = nil, accepting: Set<Int> = [200, 201, 204],
        doing: String, on subject: String? = nil
    ) async throws(Failure) -> (status: Int, body: JSONValue) {
        var answer = try await open(method, target, body)
        let content = try await answer.body(bytesMax: Self.answerBytesMax)
        guard accepting.contains(answer.status) else {
            throw Self.refusal(answer.status, content, doing: doing, on: subject)
        }
        return (answer.status, Self.json(content))
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

    /// Sends a file as the body.
    func upload(_ target: String, _ file: OwnedDescriptor, doing: String, on subject: String) async throws(Failure) {
        let pool = ThreadPool.shared
        let size = try await pool.run { () throws(Failure) in try Self.reading { () throws(KernelError) in
            Int64(try file.status().size) } }
        let connection = try EngineConnection(to: path)
        let head =
            "POST /\(Self.version)\(target) HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n"
            + "Content-Type: application/x-tar\r\nContent-Length: \(size)\r\n\r\n"
        var isRead = try await connection.send(Array(head.utf8))
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
            isRead = try await connection.send(piece)
        }
        var answer = try await EngineAnswer(reading: connection, withoutBody: false)
        let content = try await answer.body(bytesMax: Self.answerBytesMax)
        // Trouble on the way is told in the body, after the status.
        let text = String(decoding: content, as: UTF8.self)
        guard answer.status == 200, !text.contains("\"errorDetail\"") else {
            throw Self.refusal(answer.status, content, doing: doing, on: subject)
        }
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
