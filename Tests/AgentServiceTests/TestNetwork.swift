import Containerizing
import Diagnostics
import LinuxKernel
import Testing
import Waiting

/// A network namespace with nothing but a loopback interface, which lives as long as the object.
final class TestNetwork: Sendable {
    private let keeper: ProcessHandle
    /// Its end ends the keeper.
    private let input: OwnedDescriptor
    private let namespace: NetworkNamespace

    /// Waits on a thread of our own: a few of them at once would hold up Swift's, and time limits with them.
    static func made() async throws -> TestNetwork {
        try await ThreadPool.shared.run { () throws(Failure) in
            do { return try TestNetwork() } catch {
                throw (error as? Failure) ?? Failure("test.network", doing: "make a network", cause: "\(error)")
            }
        }
    }

    private init() throws {
        let ready: OwnedDescriptor
        (keeper, input, ready) = try Self.start()
        guard try ready.waitReadable(milliseconds: 120_000), try Self.firstByte(of: ready) == UInt8(ascii: "r") else {
            throw Failure("test.network", doing: "make a network namespace")
        }
        namespace = try NetworkNamespace(of: keeper)
    }

    /// Its own ends of the pipes are its alone when this returns, so that its end is seen.
    private static func start() throws -> (keeper: ProcessHandle, input: OwnedDescriptor, ready: OwnedDescriptor) {
        let (stop, input) = try OwnedDescriptor.pipe()
        let (ready, output) = try OwnedDescriptor.pipe()
        let keeper = try ToolProcess.start(
            "/usr/bin/unshare", ["--net", "/bin/sh", "-c", "ip link set lo up && echo ready && exec cat"],
            environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], descriptors: [stop, output, nil])
        return (keeper, input, ready)
    }

    private static func firstByte(of pipe: OwnedDescriptor) throws(KernelError) -> UInt8? {
        var bytes: [UInt8] = [0]
        var failure: KernelError?
        var count = 0
        bytes.withUnsafeMutableBytes { buffer in
            do throws(KernelError) { count = try pipe.read(into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return count == 0 ? nil : bytes[0]
    }

    deinit {
        do {
            _ = try keeper.signal(9)
            _ = try keeper.reap()
        } catch { print("left behind: process \(keeper.id): \(error)") }
    }

    func listen(_ port: UInt16, backlog: Int32 = 128) async throws(Failure) -> Int32 {
        let namespace = namespace
        return try await ThreadPool.shared.run { () throws(Failure) in
            do throws(KernelError) { return try namespace.listen(port: port, backlog: backlog).givenAway() } catch {
                throw error.failure("container.cannot-listen", doing: "listen")
            }
        }
    }

    func connect(
        _ address: String, _ port: UInt16, seconds: Double, on pool: ThreadPool = .shared
    ) async throws(Failure) -> Int32 {
        try await keeper.connection(to: address, port: port, seconds: seconds, on: pool)
    }

    enum State: String {
        case established = "01"
        case unanswered = "02"
    }

    /// How many sockets in here are in `state`, both ends of a connection counted. See proc(5), /proc/PID/net/tcp.
    func sockets(_ state: State) throws(KernelError) -> Int {
        try TextFile.read("/proc/\(keeper.id)/net/tcp").split(separator: "\n").dropFirst()
            .count(where: { ($0.split(separator: " ").dropFirst(3).first ?? "") == state.rawValue })
    }
}
