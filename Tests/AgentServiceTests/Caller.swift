import AsyncHTTPClient
import ClusterAPI
import Diagnostics
import NIOCore
import NIOHTTP1
import Testing

/// Calls an agent as its clients do, over HTTP.
struct Caller: Sendable {
    let port: Int
    static let json = ["Content-Type": "application/json"] as HTTPHeaders
    static let records =
        ["Content-Type": "application/recordio", "Message-Content-Type": "application/json"] as HTTPHeaders

    init(_ bench: Bench) { port = bench.agent.port ?? 0 }

    struct Answer: Sendable {
        var status: UInt
        var headers: HTTPHeaders
        var text: String
    }

    /// GET without a body, POST with one.
    func call(
        _ path: String, _ body: String? = nil, _ headers: HTTPHeaders = Caller.json
    ) async throws -> Answer {
        try await send(path, body.map { .bytes(ByteBuffer(string: $0)) }, headers)
    }

    func send(
        _ path: String, _ body: HTTPClientRequest.Body?, _ headers: HTTPHeaders
    ) async throws -> Answer {
        let response = try await HTTPClient.shared.execute(
            request(path, body, headers), timeout: .seconds(120))
        let text = String(buffer: try await response.body.collect(upTo: 1 << 20))
        return Answer(status: response.status.code, headers: response.headers, text: text)
    }

    /// An answer that is no text.
    func raw(
        _ path: String, _ body: ByteBuffer, _ headers: HTTPHeaders
    ) async throws -> (status: UInt, bytes: [UInt8]) {
        let response = try await HTTPClient.shared.execute(
            request(path, .bytes(body), headers), timeout: .seconds(120))
        let bytes = try await response.body.collect(upTo: 1 << 20)
        return (response.status.code, Array(bytes.readableBytesView))
    }

    private func request(_ path: String, _ body: HTTPClientRequest.Body?, _ headers: HTTPHeaders) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = body == nil ? .GET : .POST
        request.headers = headers
        // The server may close a connection just when the next call would use it again.
        request.headers.replaceOrAdd(name: "Connection", value: "close")
        request.body = body
        return request
    }

    /// An answer that goes on, record by record. Dropping it closes the connection.
    final class Stream {
        let status: UInt
        let headers: HTTPHeaders
        private var bytes: HTTPClientResponse.Body.AsyncIterator
        private var reader = RecordReader(bytesMax: 1 << 20)
        private var ready: [[UInt8]] = []

        init(_ response: HTTPClientResponse) {
            status = response.status.code
            headers = response.headers
            bytes = response.body.makeAsyncIterator()
        }

        func next() async throws -> [UInt8]? {
            while ready.isEmpty {
                guard let chunk = try await bytes.next() else { return nil }
                ready = try reader.read(Array(chunk.readableBytesView))
            }
            return ready.removeFirst()
        }

        func text() async throws -> String? { try await next().map { String(decoding: $0, as: UTF8.self) } }

        /// Expects the next record; nil: the end.
        func says(_ expected: ProcessIO?, at place: SourceLocation = #_sourceLocation) async throws {
            let said = try await io()
            #expect(said == expected, sourceLocation: place)
        }

        func io(_ format: WireFormat = .json) async throws -> ProcessIO? {
            try await next().map { try ProcessIO($0, format: format) }
        }
    }

    /// Hands the stream to `body` and closes the connection afterwards.
    func stream<Value>(
        _ path: String, _ call: String, _ headers: HTTPHeaders = Caller.json,
        _ body: (Stream) async throws -> Value
    ) async throws -> Value {
        try await stream(path, ByteBuffer(string: call), headers, body)
    }

    func stream<Value>(
        _ path: String, _ call: ByteBuffer, _ headers: HTTPHeaders = Caller.json,
        _ body: (Stream) async throws -> Value
    ) async throws -> Value {
        // A client of its own: its shutdown is the caller's hanging up.
        let client = HTTPClient(eventLoopGroupProvider: .singleton)
        let outcome: Result<Value, any Error>
        do {
            let response = try await client.execute(
                request(path, .bytes(call), headers), deadline: .now() + .seconds(120))
            outcome = .success(try await body(Stream(response)))
        } catch {
            outcome = .failure(error)
        }
        try await client.shutdown()
        return try outcome.get()
    }

    /// A request whose body goes on: what is given to `write` is sent, until it is finished.
    func input(_ headers: HTTPHeaders = Caller.records) -> (
        write: AsyncStream<ByteBuffer>.Continuation, answer: Task<Answer, any Error>
    ) {
        let (body, write) = AsyncStream.makeStream(of: ByteBuffer.self)
        let answer = Task {
            try await send("/api/v1", .stream(body, length: .unknown), headers)
        }
        return (write, answer)
    }
}

extension Task {
    /// Its value, and its end when whoever waits for that is cancelled, as the suite's time limit does: a wait for
    /// `value` takes no notice.
    var valueOrEnd: Success {
        get async throws {
            try await withTaskCancellationHandler { try await value } onCancel: { cancel() }
        }
    }
}

/// Waits for a condition; the suite's time limit ends it.
func eventually(_ what: String, _ isSo: @Sendable () async throws -> Bool) async throws {
    while try await !isSo() { try await Task.sleep(for: .milliseconds(5)) }
}
