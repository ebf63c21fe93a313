import AsyncHTTPClient
import ClusterAPI
import Diagnostics
import Logging
import NIOCore
import NIOHTTP1

/// One link to the master, from its registration to its end: a stream of the master's messages in, ordered requests
/// with the agent's messages out, one under way at a time.
struct MasterLink: Sendable {
    let client: HTTPClient
    /// `http://host:port` of a master, leading or not.
    let master: String
    /// The value of Authorization.
    let authorization: String?

    static let redirectsMax = 4
    static let answerBytesMax = 4_096

    /// Returns when the link has ended. `tell` gets `linked` or `linkFailed`, then messages, then `linkLost`. The
    /// registration is taken: with a thousand tasks it is megabytes, and a link lasts for weeks.
    func run(
        _ registration: HandedOver<AgentRegistration>, outgoing: AsyncStream<AgentMessage>,
        tell: @Sendable @escaping (AgentLinkEvent) -> Void
    ) async {
        let response: HTTPClientResponse
        let base: String
        let link: String
        do throws(Failure) {
            (response, base) = try await open(registration.take())
            guard let name = response.headers.first(name: AgentLink.header) else {
                throw Self.failure("register with", base, "its answer has no \(AgentLink.header)")
            }
            link = name
        } catch {
            return tell(.failed(error))
        }
        tell(.opened)
        let ended = await withTaskGroup(of: Failure?.self) { group in
            group.addTask { await receive(response, from: base, tell) }
            group.addTask { await deliver(outgoing, to: base, link) }
            // Whichever ends first, the other is of no use alone.
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        tell(.lost(ended ?? Self.failure("keep the link to", base, "it was closed")))
    }

    private func open(_ registration: AgentRegistration?) async throws(Failure) -> (HTTPClientResponse, String) {
        guard let registration else { throw Self.failure("register with", master, "the link was made before") }
        let body = ByteBuffer(bytes: RecordFraming.record(AgentMessage.register(registration).value.bytes))
        var base = master
        for _ in 0...Self.redirectsMax {
            // The request is remembered for as long as the answer comes in, so its body must not be.
            let once = HandedOver(body)
            let response = try await post(
                .stream(once, length: .known(Int64(body.readableBytes))), to: base, link: nil)
            switch response.status.code {
            case 200: return (response, base)
            case 307, 308:
                guard let location = response.headers.first(name: "Location"),
                    let leader = Self.base(of: location, asked: base)
                else { throw Self.failure("register with", base, "it redirects to nowhere") }
                base = leader
            default: throw await refusal(response, "register with", base)
            }
        }
        throw Self.failure("register with", master, "it redirects in circles")
    }

    /// `//host:port/path` and `http://host:port/path` without their paths.
    static func base(of location: String, asked: String) -> String? {
        let scheme = asked.begins(with: "https://") ? "https:" : "http:"
        let full = location.begins(with: "//") ? scheme + location : location
        guard let prefix = ["http://", "https://"].first(where: { full.begins(with: $0) }) else { return nil }
        // What was encrypted stays so: the agent's credentials go along.
        if scheme == "https:", prefix != "https://" { return nil }
        let host = full.dropFirst(prefix.count).prefix { $0 != "/" }
        return host.isEmpty ? nil : prefix + host
    }

    private func post(
        _ body: HTTPClientRequest.Body, to base: String, link: String?
    ) async throws(Failure) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: base + AgentLink.path)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/recordio")
        request.headers.add(name: "Message-Content-Type", value: "application/json")
        request.headers.add(name: "Accept", value: "application/recordio")
        request.headers.add(name: "Message-Accept", value: "application/json")
        if let link { request.headers.add(name: AgentLink.header, value: link) }
        if let authorization { request.headers.add(name: "Authorization", value: authorization) }
        request.body = body
        do {
            // The stream lives as long as the link; a dead one is noticed by the pings that do not come.
            return try await client.execute(request, deadline: link == nil ? .distantFuture : .now() + .seconds(60))
        } catch {
            throw Self.failure("reach", base, "\(error)")
        }
    }

    private func receive(
        _ response: HTTPClientResponse, from base: String, _ tell: @Sendable (AgentLinkEvent) -> Void
    ) async -> Failure? {
        var reader = RecordReader(bytesMax: AgentLink.bounds.bytes)
        do {
            for try await chunk in response.body {
                for record in try reader.read(Array(chunk.readableBytesView)) {
                    tell(.message(try MasterMessage(record)))
                }
            }
            return Self.failure("keep the link to", base, "the master closed it")
        } catch let failure as Failure {
            return failure
        } catch {
            return Self.failure("keep the link to", base, "\(error)")
        }
    }

    private func deliver(_ outgoing: AsyncStream<AgentMessage>, to base: String, _ link: String) async -> Failure? {
        for await message in outgoing {
            do throws(Failure) {
                let body = ByteBuffer(bytes: RecordFraming.record(message.value.bytes))
                let response = try await post(.bytes(body), to: base, link: link)
                guard response.status.code == 202 else { throw await refusal(response, "send to", base) }
                _ = await text(of: response)
            } catch {
                return error
            }
        }
        return nil
    }

    private func refusal(_ response: HTTPClientResponse, _ doing: String, _ base: String) async -> Failure {
        Self.failure(doing, base, "it answered \(response.status.code): \(await text(of: response))")
    }

    private func text(of response: HTTPClientResponse) async -> String {
        do {
            return String(buffer: try await response.body.collect(upTo: Self.answerBytesMax))
        } catch {
            return "\(error)"
        }
    }

    private static func failure(_ doing: String, _ base: String, _ cause: String) -> Failure {
        Failure(
            "link.broken", doing: "\(doing) the master", on: base, cause: cause, remedy: "it is tried again",
            retry: .later)
    }
}

enum AgentLinkEvent: Sendable {
    case opened
    case failed(Failure)
    case message(MasterMessage)
    case lost(Failure)
}
