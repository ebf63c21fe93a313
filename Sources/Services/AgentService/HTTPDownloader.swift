public import AgentCore
import AsyncHTTPClient
public import Diagnostics
import NIOCore
import NIOHTTP1

/// Downloads over http and https for the fetcher, with redirects, and an end to servers that fall silent. What no task
/// may ask for by itself, a cloud's metadata, is not fetched for it.
public final class HTTPDownloader: Downloader {
    private let configuration: HTTPClient.Configuration
    static let redirectsMax = 10
    private static let connectTime = TimeAmount.seconds(30)

    /// `stall`: how long any server may say nothing.
    public init(stall: Duration = .seconds(60)) {
        var configuration = HTTPClient.Configuration()
        // Each place is judged before it is called.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: Self.connectTime, read: .nanoseconds(stall.saturated))
        self.configuration = configuration
    }

    public func download(
        _ address: String, stall: Duration, take: @Sendable @escaping ([UInt8]) async throws(Failure) -> Void
    ) async throws(Failure) {
        var place = try FetchPlace(address)
        for _ in 0...Self.redirectsMax {
            guard let next = try await visit(place, stall: stall, take: take) else { return }
            place = try FetchPlace(next, from: place)
        }
        throw Self.failure("fetch.unreachable", "it leads on more than \(Self.redirectsMax) times")
    }

    /// Where the place says that the file is instead; nil when the file was there.
    private func visit(
        _ place: FetchPlace, stall: Duration, take: @Sendable @escaping ([UInt8]) async throws(Failure) -> Void
    ) async throws(Failure) -> String? {
        var configuration = configuration
        if let machine = try await place.machine() { configuration.dnsOverride = [place.host: machine] }
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let result: Result<String?, Failure>
        do throws(Failure) {
            result = .success(try await Self.load(place, by: client, stall: stall, take: take))
        } catch { result = .failure(error) }
        do { try await client.shutdown() } catch {
            throw Self.failure("fetch.unreachable", "the connection did not end: \(error)")
        }
        return try result.get()
    }

    private static func load(
        _ place: FetchPlace, by client: HTTPClient, stall: Duration,
        take: @Sendable @escaping ([UInt8]) async throws(Failure) -> Void
    ) async throws(Failure) -> String? {
        do {
            let request = HTTPClientRequest(url: place.url.absoluteString)
            // For what comes before the body, which a server could spin out without ever being silent.
            let deadline = NIODeadline.now() + connectTime + TimeAmount.nanoseconds(stall.saturated)
            let response = try await client.execute(request, deadline: deadline)
            if (301...308).contains(response.status.code), let next = response.headers.first(name: "Location") {
                return next
            }
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
            return nil
        } catch let failure as Failure {
            throw failure
        } catch let error as HTTPClientError where error == .readTimeout {
            throw Self.failure("fetch.stalled", "the server said nothing for \(stall)")
        } catch let error as HTTPClientError where error == .deadlineExceeded {
            throw Self.failure("fetch.stalled", "the server did not begin to answer within \(stall)")
        } catch {
            throw Self.failure("fetch.unreachable", "\(error)")
        }
    }

    /// The address is the fetcher's to show: it may hold a password.
    static func failure(_ code: Failure.Code, _ cause: String) -> Failure {
        Failure(code, doing: "fetch the file", cause: cause, remedy: "check the address and its server", retry: .later)
    }
}

extension Duration {
    fileprivate var saturated: Int64 {
        let (seconds, _) = components
        return seconds > 86_400 ? 86_400_000_000_000 : seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
