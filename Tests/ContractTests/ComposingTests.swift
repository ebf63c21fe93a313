import Containerizing
import Containers
import Diagnostics
import LinuxKernel
import Synchronization
import Testing

/// Knows which containers there are, and nothing else. `whileListing` runs between the list and its being given.
private final class ListingMember: Containerizer {
    let name = "listing"
    private let ids = Mutex<Set<ContainerID>>([])
    let whileListing = Mutex<(@Sendable () async throws(Failure) -> Void)?>(nil)
    let found = Mutex(ContainerRecovery())

    func launch(_ launch: ContainerLaunch) async throws(Failure) -> LaunchAnswer {
        ids.withLock { _ = $0.insert(launch.id) }
        return .launched
    }

    func containers() async throws(Failure) -> [ContainerID] {
        let listed = ids.withLock { $0.sorted() }
        let interruption = whileListing.withLock { body in
            defer { body = nil }
            return body
        }
        try await interruption?()
        return listed
    }

    func kill(_ id: ContainerID, signal: Int32) async throws(Failure) -> Bool { ids.withLock { $0.contains(id) } }

    func destroy(_ id: ContainerID) async throws(Failure) -> ContainerExit? {
        ids.withLock { _ = $0.remove(id) }
        return nil
    }

    private func absent(_ what: String) -> Failure { Failure("test.absent", doing: what, cause: "not needed here") }
    func recover(_ known: [ContainerLaunch]) async throws(Failure) -> ContainerRecovery { found.withLock { $0 } }
    func update(_ id: ContainerID, limits: ContainerLimits) async throws(Failure) { throw absent("update") }
    func usage(_ id: ContainerID) async throws(Failure) -> ContainerUsage? { nil }
    func status(_ id: ContainerID) async throws(Failure) -> ContainerView? { nil }
    func wait(_ id: ContainerID) async throws(Failure) -> ContainerExit? { nil }
    func attach(_ id: ContainerID, from start: OutputStart) async throws(Failure) -> (any ContainerSession)? { nil }
    func exec(_ id: ContainerID, _ request: ExecRequest) async throws(Failure) -> any ContainerSession {
        throw absent("exec")
    }
    func listen(_ id: ContainerID, port: UInt16) async throws(Failure) -> Int32 { throw absent("listen") }
    func connect(_ id: ContainerID, address: String, port: UInt16, seconds: Double) async throws(Failure) -> Int32 {
        throw absent("connect")
    }
    func pruneImages(excluding: [String]) async throws(Failure) -> [String] { [] }
    func events() -> AsyncStream<ContainerEvent> { AsyncStream { $0.finish() } }
}

@Suite("Several containerizers as one")
struct ComposingTests {
    @Test("what is launched while another container is destroyed is not forgotten")
    func launchBesideDestroy() async throws {
        let member = ListingMember()
        let composed = ComposingContainerizer([member]) { _ in [member.name] }
        let launches = (0..<2).map { number in
            ContainerLaunch(
                id: ContainerID(number: KernelRandom.number()), root: .image("image"),
                program: .shell("exit \(number)"))
        }
        #expect(try await composed.launch(launches[0]) == .launched)
        member.whileListing.withLock {
            $0 = { () async throws(Failure) in _ = try await composed.launch(launches[1]) }
        }
        _ = try await composed.destroy(launches[0].id)
        #expect(try await composed.kill(launches[1].id, signal: 9))
        #expect(try await composed.kill(launches[0].id, signal: 9) == false)
    }

    @Test("what one of them cannot remove yet is told of with what the others found")
    func left() async throws {
        let (member, other) = (ListingMember(), ListingMember())
        let ids = (0..<2).map { _ in ContainerID(number: KernelRandom.number()) }
        let failure = Failure("container.stuck", doing: "end container", on: ids[0].text, retry: .later)
        let left = ContainerRecovery.LeftContainer(id: ids[0], failure: failure)
        member.found.withLock { $0 = ContainerRecovery(left: [left]) }
        other.found.withLock { $0 = ContainerRecovery(destroyed: [ids[1]]) }
        let recovery = try await ComposingContainerizer([member, other]).recover([])
        #expect(recovery == ContainerRecovery(destroyed: [ids[1]], left: [left]))
    }
}
