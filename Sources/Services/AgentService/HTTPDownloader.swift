public import AgentCore
import AsyncHTTPClient
public import Diagnostics
import NIOCore
import NIOHTTP1

/// Downloads over http and https for the fetcher, with redirects, and an end to servers that fall silent.
public final class HTTPDownloader: Downloader {
    private let client: HTTPClient
    static let redirectsMax = 10

    /// `stall`: how long any server may say nothing.
    public init(stall: Duration = .seconds(60)) {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .follow(max: Self.redirectsMax, allowCycles: false)
        configuration.timeout = .init(connect: .seconds(30), read: .nanoseconds(stall.saturated))
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Call it once, when nothing is downloaded any more.
    public func shutDown() async throws { try await client.shutdown() }

    public func download(
        _ address: String, stall: Duration, take: @Sendable @escaping ([UInt8]) async throws(Failure) -> Void
    ) async throws(Failure) {
        do {
            let response = try await client.execute(HTTPClientRequest(url: address), deadline: .distantFuture)
            guard response.status == .ok else {
                throw Self.failure(
                    "fetch.status", "the server answered \(response.status.code) \(response.status.reasonPhrase)")
            }
            let expected = response.headers.first(name: "Content-Length").flatMap { UInt64($0) }
            var received: UInt64 = 0
            for try await chunk in response.body {
                received += UInt64(chunk.readableBytes)
                try await take(Array(chunk.readableBytesView))
            }
            if let expected, received < expected {
                throw Self.failure("fetch.unreachable", "only \(received) of \(expected) bytes arrived")
            }
        } catch let failure as Failure {
            throw failure
        } catch let error as HTTPClientError where error == .readTimeout {
            throw Self.failure("fetch.stalled", "the server said nothing for \(stall)")
        } catch {
            throw Self.failure("fetch.unreachable", "\(error)")
        }
    }

    /// The address is the fetcher's to show: it may hold a password.
    private static func failure(_ code: Failure.Code, _ cause: String) -> Failure {
        Failure(code, doing: "fetch the file", cause: cause, remedy: "check the address and its server", retry: .later)
    }
}

extension Duration {
    fileprivate var saturated: Int64 {
        let (seconds, _) = components
        return seconds > 86_400 ? 86_400_000_000_000 : seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
