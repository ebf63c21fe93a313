import Containers
import ImageStorage
import LinuxKernel
import Synchronization

@testable import DockerContainerizer

/// An installation of our own at the Docker Engine that Tests/run has started.
final class DockerStage: Stage {
    static let socket = ProcessEnvironment.value("BULKHEAD_TEST_DOCKER")

    let directory: String
    let image: ContainerLaunch.Root
    private let root: String
    private let store: ImageStore
    private let installation = "test-" + String(KernelRandom.number(), radix: 36)
    private let current: Mutex<DockerContainerizer>

    init() throws {
        root = try Surroundings.directory()
        directory = root + "/files"
        try Directories.makeAll(directory, mode: 0o755)
        let name: String
        (store, name) = try Surroundings.store(at: root + "/store")
        image = .image(name)
        current = Mutex(Self.make(root, store, installation))
    }

    private static func make(_ root: String, _ store: ImageStore, _ installation: String) -> DockerContainerizer {
        DockerContainerizer(
            socket: socket ?? "", installation: installation, store: store, scratch: root + "/scratch")
    }

    var containerizer: any Containerizer { current.withLock { $0 } }

    func restart() async throws {
        let made = Self.make(root, store, installation)
        current.withLock { $0 = made }
    }

    /// The engine's word: it calls a container running for a while after the kernel has let its process go.
    func hasEnded(_ id: ContainerID, _ process: Int32) async throws -> Bool {
        let asked = current.withLock { $0 }
        guard let engineID = try await asked.found()[id.text] else { return true }
        return try await asked.inspect(engineID)["State"]["Running"].bool == false
    }

    func end() async throws {
        try await restart()
        _ = try await containerizer.recover([])
        try TreeRemoval.remove(root)
    }
}
