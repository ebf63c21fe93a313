import AgentCore
import ClusterModel
import Containers
import Diagnostics
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// Carries out attempts of checks inside the containers' namespaces. No process is started but a command's own.
///
/// An attempt whose time is up is cut off: its process is killed, its connection closed. One that does not end even so,
/// such as a process that waits for a disk that is gone, is given up. The next would hang as well, and so on without
/// end, so none of its check is begun until it has ended: they fail at once.
final class Prober: Sendable {
    private struct Check: Hashable {
        var container: ContainerID
        var kind: ProbeOrder.Kind
    }
    private enum Turn {
        case ended(ProbeResult)
        case timeUp
        case graceUp
    }
    /// Nobody waits longer, whatever a task asks.
    static let timeoutMax = Duration.seconds(3_600)
    private let containerizer: any Containerizer
    private let grace: Duration
    /// Those with an attempt that has not ended.
    private let busy = Mutex<Set<Check>>([])

    /// `grace`: how long an attempt that is cut off may take to end before it is given up.
    init(containerizer: any Containerizer, grace: Duration) {
        self.containerizer = containerizer
        self.grace = grace
    }

    /// Answers within the order's timeout and the grace; at once when the task that waits is cancelled.
    func probe(_ order: ProbeOrder) async -> ProbeResult {
        let check = Check(container: order.container, kind: order.kind)
        guard busy.withLock({ $0.insert(check).inserted }) else {
            return .failed("an earlier attempt was cut off when its time was up and has not ended yet")
        }
        let timeout = min(order.timeout ?? Self.timeoutMax, Self.timeoutMax)
        let (turns, telling) = AsyncStream.makeStream(of: Turn.self)
        let attempting = Task { [self] in
            let result = await attempt(order, timeout)
            // Before it is told: whoever hears it may order the next one at once.
            free(check)
            telling.yield(.ended(result))
        }
        let timing = Task { [grace] in
            do {
                try await Task.sleep(for: timeout)
                telling.yield(.timeUp)
                try await Task.sleep(for: grace)
                telling.yield(.graceUp)
            } catch { return }
        }
        defer {
            attempting.cancel()
            timing.cancel()
        }
        var isCutOff = false
        for await turn in turns {
            switch turn {
            case .ended(let result): return isCutOff ? .timedOut : result
            case .timeUp:
                isCutOff = true
                attempting.cancel()
            case .graceUp: return .failed("no answer in time, and the attempt does not end though it was cut off")
            }
        }
        return .failed("it was cancelled")
    }

    private func free(_ check: Check) { busy.withLock { _ = $0.remove(check) } }

    private func attempt(_ order: ProbeOrder, _ timeout: Duration) async -> ProbeResult {
        do {
            switch order.probe {
            case .command(let command): return try await run(command, in: order.container)
            case .tcp(let port, let family):
                let channel = try await connect(order.container, family, port, timeout) { _ in }
                channel.close(promise: nil)
                return .connected
            case .http(let probe): return try await get(probe, in: order.container, timeout)
            }
        } catch let failure as Failure {
            return .failed(failure.description)
        } catch {
            return .failed("\(error)")
        }
    }

    private func run(_ command: CommandSpec, in container: ContainerID) async throws -> ProbeResult {
        let arguments: [String]
        switch command.program {
        case .shell(let line): arguments = ["/bin/sh", "-c", line]
        case .execute(let path, let given): arguments = (path ?? given.first).map { [$0] + given.dropFirst() } ?? []
        }
        guard !arguments.isEmpty else { return .failed("the check names no program") }
        let environment = command.environment.compactMap { variable -> String? in
            if case .text(let value) = variable.value { return "\(variable.name)=\(value)" }
            return nil
        }
        let session = try await containerizer.exec(
            container, ExecRequest(arguments: arguments, environment: environment, user: command.user))
        return try await withTaskCancellationHandler {
            while try await session.read() != nil {}
            let code = try await session.wait()
            await session.close()
            return code.map { .exited(code: $0) } ?? .failed("how the check ended is not known")
        } onCancel: {
            Task { await session.close() }
        }
    }

    private func connect(
        _ container: ContainerID, _ family: NetworkInfo.Family?, _ port: UInt16, _ timeout: Duration,
        _ setUp: @Sendable @escaping (any Channel) throws -> Void
    ) async throws -> any Channel {
        let seconds = Double(timeout.components.seconds) + Double(timeout.components.attoseconds) / 1e18
        let socket = try await containerizer.connect(
            container, address: family == .version6 ? "::1" : "127.0.0.1", port: port, seconds: seconds)
        return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in channel.eventLoop.makeCompletedFuture { try setUp(channel) } }
            .withConnectedSocket(socket).get()
    }

    private func get(
        _ probe: HTTPProbe, in container: ContainerID, _ timeout: Duration
    ) async throws -> ProbeResult {
        let status = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: UInt16.self)
        let channel: any Channel
        do {
            channel = try await connect(container, probe.family, probe.port, timeout) { channel in
                if probe.scheme == "https" { try channel.pipeline.syncOperations.addHandler(Self.tls()) }
                try channel.pipeline.syncOperations.addHTTPClientHandlers()
                try channel.pipeline.syncOperations.addHandler(StatusReader(status))
            }
        } catch {
            status.fail(error)
            throw error
        }
        return try await withTaskCancellationHandler {
            let path = probe.path ?? "/"
            let head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: path.begins(with: "/") ? path : "/" + path,
                headers: [
                    "Host": "127.0.0.1:\(probe.port)", "User-Agent": "bulkhead", "Connection": "close", "Accept": "*/*",
                ])
            channel.write(HTTPClientRequestPart.head(head), promise: nil)
            channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
            let answered = try await status.futureResult.get()
            channel.close(promise: nil)
            return .answered(status: answered)
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// A check asks whether the task answers, not who it is.
    private static func tls() throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        return try NIOSSLClientHandler(context: try NIOSSLContext(configuration: configuration), serverHostname: nil)
    }
}

/// Waits for the first line of an answer; nothing else of it counts.
private final class StatusReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    private let status: EventLoopPromise<UInt16>

    init(_ status: EventLoopPromise<UInt16>) { self.status = status }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data), head.status.code >= 200 {
            status.succeed(UInt16(clamping: head.status.code))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        status.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        status.fail(error)
        context.close(promise: nil)
    }
}
