import Diagnostics
import LinuxKernel
import Synchronization
import Waiting

/// One HTTP/1.1 exchange with a Docker Engine over its unix socket, on a connection of its own. Waiting holds no thread
/// up. After an upgrade the connection is a plain stream in both directions.
final class EngineConnection: Sendable {
    static let headBytesMax = 64 << 10
    static let pieceBytes = 64 << 10
    private let socket: OwnedDescriptor
    /// What has arrived and nobody has taken; one reader at a time.
    private let arrived = Mutex<[UInt8]>([])

    init(to path: String) throws(Failure) {
        do throws(KernelError) { socket = try OwnedDescriptor.connection(toSocketAt: path) } catch {
            throw error.failure(
                "docker.unreachable", doing: "connect to the Docker Engine", on: path,
                remedy: "start it, or name its socket: --containerizers docker:PATH", retry: .later)
        }
    }

    // MARK: Writing

    /// False when nobody reads any more.
    func send(_ bytes: [UInt8]) async throws(Failure) -> Bool {
        var rest = bytes[...]
        do throws(KernelError) {
            while !rest.isEmpty {
                guard try await socket.awaitReadiness(.writing) else { return false }
                rest = rest.dropFirst(try socket.sendSome(rest.prefix(Self.pieceBytes)))
            }
            return true
        } catch {
            if error.errno == Errno.brokenPipe { return false }
            throw error.failure("docker.connection", doing: "write to the Docker Engine", retry: .later)
        }
    }

    func finishSending() {
        // Closed already is finished as well.
        do throws(KernelError) { try socket.finishSending() } catch { return }
    }

    /// Ends both directions: whoever waits to read here reads the end.
    func close() {
        // What the engine has ended already is closed as well.
        do throws(KernelError) { try socket.hangUp() } catch { return }
    }

    // MARK: Reading

    /// What arrives next; nil at the end, or when the reading task is cancelled.
    func receive() async throws(Failure) -> [UInt8]? {
        let waiting = arrived.withLock { bytes in
            defer { bytes = [] }
            return bytes
        }
        if !waiting.isEmpty { return waiting }
        while true {
            do throws(KernelError) {
                guard try await socket.awaitReadiness() else { return nil }
                var failure: KernelError?
                let bytes = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { buffer, count in
                    do throws(KernelError) {
                        count = try socket.read(into: UnsafeMutableRawBufferPointer(buffer))
                    } catch {
                        failure = error
                    }
                }
                if let failure { throw failure }
                return bytes.isEmpty ? nil : bytes
            } catch {
                if error.errno == Errno.connectionReset { return nil }
                if error.errno == Errno.wouldBlock { continue }
                throw error.failure("docker.connection", doing: "read from the Docker Engine", retry: .later)
            }
        }
    }

    func giveBack(_ bytes: ArraySlice<UInt8>) {
        if !bytes.isEmpty { arrived.withLock { $0 = Array(bytes) + $0 } }
    }

    /// Bytes up to and with the next line feed, without the line's end.
    func line(within bytesMax: Int = headBytesMax) async throws(Failure) -> String {
        var line: [UInt8] = []
        while line.count <= bytesMax {
            guard let bytes = try await receive() else { throw Self.cut("the answer is cut off") }
            if let end = bytes.firstIndex(of: 0x0a) {
                line += bytes[..<end]
                giveBack(bytes[(end + 1)...])
                if line.last == 0x0d { line.removeLast() }
                return String(decoding: line, as: UTF8.self)
            }
            line += bytes
        }
        throw Self.cut("a line of the answer is longer than \(bytesMax) bytes")
    }

    /// Exactly so many bytes; fewer only at the end.
    func bytes(_ count: Int) async throws(Failure) -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count, let piece = try await receive() {
            let needed = min(count - result.count, piece.count)
            result += piece[..<needed]
            giveBack(piece[needed...])
        }
        return result
    }

    static func cut(_ cause: String) -> Failure {
        Failure("docker.connection", doing: "read the Docker Engine's answer", cause: cause, retry: .later)
    }
}

/// An answer whose body is read as it comes.
struct EngineAnswer: Sendable {
    enum Framing: Sendable { case length(Int), chunked, untilEnd, none }
    var status: Int
    /// Lower-case names.
    var headers: [String: String]
    let connection: EngineConnection
    private var rest: Framing

    init(reading connection: EngineConnection, withoutBody: Bool) async throws(Failure) {
        self.connection = connection
        let words = try await connection.line().cut(at: " ")
        guard words.count > 1, words[0].begins(with: "HTTP/1."), let status = Int(words[1]) else {
            throw EngineConnection.cut("it is not HTTP")
        }
        self.status = status
        headers = [:]
        var bytes = 0
        while true {
            let line = try await connection.line()
            if line.isEmpty { break }
            bytes += line.utf8.count
            guard bytes <= EngineConnection.headBytesMax else { throw EngineConnection.cut("its head is too long") }
            guard let colon = line.position(of: ":") else { continue }
            let value = line[line.utf8.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        if withoutBody || status == 101 || status == 204 || status == 304 {
            rest = .none
        } else if headers["transfer-encoding"]?.lowercased() == "chunked" {
            rest = .chunked
        } else if let length = headers["content-length"].flatMap({ Int($0) }) {
            rest = .length(length)
        } else {
            rest = .untilEnd
        }
    }

    /// The next piece of the body; nil at its end.
    mutating func next() async throws(Failure) -> [UInt8]? {
        switch rest {
        case .none: return nil
        case .untilEnd: return try await connection.receive()
        case .length(let count):
            guard count > 0 else { return nil }
            guard let piece = try await connection.receive() else {
                throw EngineConnection.cut("the answer is cut off")
            }
            let taken = piece.prefix(count)
            connection.giveBack(piece[taken.endIndex...])
            rest = .length(count - taken.count)
            return Array(taken)
        case .chunked:
            let size = try await connection.line(within: 1_024).prefix { $0 != ";" }
            guard let count = Int(size, radix: 16), (0...(1 << 30)).contains(count) else {
                throw EngineConnection.cut("a piece of the answer has no size")
            }
            let bytes = try await connection.bytes(count)
            guard bytes.count == count else { throw EngineConnection.cut("the answer is cut off") }
            _ = try await connection.line()
            if count == 0 { rest = .none }
            return count == 0 ? nil : bytes
        }
    }

    /// All of it, within a bound.
    mutating func body(bytesMax: Int) async throws(Failure) -> [UInt8] {
        var result: [UInt8] = []
        while let piece = try await next() {
            result += piece
            guard result.count <= bytesMax else {
                throw Failure(
                    "docker.answer-too-large", doing: "read the Docker Engine's answer",
                    cause: "it is longer than \(bytesMax) bytes", limit: "answer bytes \(bytesMax)")
            }
        }
        return result
    }
}
