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
    private func started(groups: String? = nil) -> NativeTasks {
        var host = HostProbe.abilities()
        if let groups { host.groups.mountPoint = groups }
        return NativeTasks(
            runtime: NativeContainerizer(
                places: Places(volatile: root + "/run", store: root + "/store"), launcherPath: Surroundings.launcher,
                host: host, starter: starter),
            images: nil)
    }

    private func directory(_ id: ContainerID) -> String { "\(root)/run/containers/\(id.text)" }

    private func write(_ text: String, to path: String) throws {
        try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create], mode: 0o600).write(text)
    }

    private func damaged(hasLock: Bool = true) throws -> ContainerID {
        let id = ContainerID(number: KernelRandom.number())
        try Directories.makeAll(directory(id), mode: 0o700)
        try write("{", to: directory(id) + "/record.json")
        if hasLock { try write("", to: directory(id) + "/lock") }
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

    @Test("one whose lock is gone as well is removed, and so is a directory that has no record at all")
    func lockless() async throws {
        starter.isBusy.withLock { $0 = false }
        let (torn, empty) = (try damaged(hasLock: false), ContainerID(number: KernelRandom.number()))
        try Directories.makeAll(directory(empty), mode: 0o700)
        let launch = ContainerLaunch(id: torn, root: .hostTools, program: .shell("true"))
        #expect(try await started().recover([launch]) == ContainerRecovery(vanished: [torn]))
        #expect(!HostFacts.exists(directory(torn)) && !HostFacts.exists(directory(empty)))
        try TreeRemoval.remove(root)
    }

    @Test("a cgroup without a record that cannot be removed yet is told of, and keeps nothing else from being swept")
    func leftGroup() async throws {
        // Stands for the tree of cgroups: a directory with a file in it cannot be removed either.
        let tree = root + "/groups"
        let (known, stranger, free) = (try groupAlone(in: tree), try groupAlone(in: tree), try groupAlone(in: tree))
        try Directories.makeAll(root + "/run/ids", mode: 0o700)
        for (slot, id) in [known, stranger, free].enumerated() { try write(id.text, to: "\(root)/run/ids/\(slot)") }
        func left() -> [Bool] {
            [known, stranger, free].map { HostFacts.exists(group($0, in: tree)) }
                + (0...2).map { HostFacts.exists("\(root)/run/ids/\($0)") }
        }
        for id in [known, stranger] { try write("", to: group(id, in: tree) + "/busy") }
        let launch = ContainerLaunch(id: known, root: .hostTools, program: .shell("true"))
        let recovery = try await started(groups: tree).recover([launch])
        #expect(recovery.left.map(\.id) == [stranger])
        #expect(recovery.left.first?.failure.code == "cgroup.cannot-remove")
        #expect(recovery.ended.map(\.id) == [known] && recovery.ended.first?.exit.reason == .unknown)
        #expect(recovery.vanished.isEmpty && recovery.destroyed.isEmpty && recovery.adopted.isEmpty)
        // What may still run keeps the ids that its processes have.
        #expect(left() == [true, true, false, true, true, false])

        // Nothing was cut off since; what was left is tried again all the same.
        for id in [known, stranger] { try TreeRemoval.remove(group(id, in: tree) + "/busy") }
        #expect(try await started(groups: tree).recover([]) == ContainerRecovery())
        #expect(left() == [Bool](repeating: false, count: 6))
        try TreeRemoval.remove(root)
    }

    private func group(_ id: ContainerID, in tree: String) -> String { "\(tree)/bulkhead/\(id.text)" }

    /// A cgroup of this installation's, of whose container nothing else is left.
    private func groupAlone(in tree: String) throws -> ContainerID {
        let id = ContainerID(number: KernelRandom.number())
        try Directories.makeAll(group(id, in: tree), mode: 0o755)
        try OwnedDescriptor.open(RawPath(group(id, in: tree)), [.directory])
            .setAttribute("trusted.bulkhead", to: Array("\(root)/run".utf8))
        return id
    }
}
