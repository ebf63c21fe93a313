import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import Synchronization
import Testing

/// Cannot take away what is left of any container until it is told that it can, as the kernel with a cgroup in which a
/// process does not end.
private final class BusyStarter: ContainerStarter {
    let isBusy = Mutex(true)

    func check(_ request: ContainerRequest) throws(Failure) {}

    func start(_ order: StartOrder) throws(Failure) -> ProcessHandle {
        throw Failure("runtime.refused", doing: "start the container", cause: "it starts none")
    }

    func cleanUp(_ id: ContainerID) throws(Failure) {
        guard isBusy.withLock({ $0 }) else { return }
        throw Failure(
            "cgroup.cannot-remove", doing: "remove the container's cgroup", on: id.text, cause: "it is busy",
            retry: .later)
    }
}

@Suite("Containers whose record is damaged")
struct DamagedRecordTests {
    private let root: String
    private let starter = BusyStarter()

    init() throws { root = try Surroundings.directory() }

    /// A containerizer as an agent has it after a start.
    private func started() -> NativeTasks {
        NativeTasks(
            runtime: NativeContainerizer(
                places: Places(volatile: root + "/run", store: root + "/store"), launcherPath: Surroundings.launcher,
                host: HostProbe.abilities(), starter: starter),
            images: nil)
    }

    private func directory(_ id: ContainerID) -> String { "\(root)/run/containers/\(id.text)" }

    private func damaged() throws -> ContainerID {
        let id = ContainerID(number: KernelRandom.number())
        try Directories.makeAll(directory(id), mode: 0o700)
        for (name, text) in [("record.json", "{"), ("lock", "")] {
            try OwnedDescriptor.open(RawPath("\(directory(id))/\(name)"), [.writeOnly, .create], mode: 0o600)
                .write(text)
        }
        return id
    }

    @Test("one that cannot be removed yet keeps no agent from starting: known, it has ended; else it is told of")
    func stuck() async throws {
        let (known, stranger) = (try damaged(), try damaged())
        let launch = ContainerLaunch(id: known, root: .hostTools, program: .shell("true"))
        let containerizer = started()
        let recovery = try await containerizer.recover([launch])
        #expect(recovery.left.map(\.id) == [stranger])
        #expect(recovery.left.first?.failure.code == "cgroup.cannot-remove")
        #expect(recovery.ended.map(\.id) == [known])
        #expect(recovery.ended.first?.exit.reason == .unknown)
        #expect(recovery.ended.first?.exit.message.contains("it is busy") == true)
        #expect(recovery.vanished.isEmpty && recovery.destroyed.isEmpty && recovery.adopted.isEmpty)
        for id in [known, stranger] { #expect(HostFacts.exists(directory(id))) }

        // Its id is not free for the same launch, and whoever knows it has it destroyed when that can be done.
        #expect(try await containerizer.launch(launch) == .alreadyLaunched)
        let failure = await #expect(throws: Failure.self) { try await containerizer.destroy(known) }
        #expect(failure?.code == "cgroup.cannot-remove" && failure?.retry == .later)
        starter.isBusy.withLock { $0 = false }
        #expect(try await containerizer.destroy(known) == recovery.ended.first?.exit)
        #expect(!HostFacts.exists(directory(known)))

        #expect(try await started().recover([]) == ContainerRecovery())
        #expect(!HostFacts.exists(directory(stranger)))
        try TreeRemoval.remove(root)
    }
}
