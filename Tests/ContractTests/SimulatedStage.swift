import Containers
import Determinism
import LinuxKernel
import Simulation
import Synchronization

/// An installation of its own on a simulated machine, which they all share. Its volumes and output files are real, so
/// that checks find them where they look.
final class SimulatedStage: Stage {
    static let machine = SimulatedHost(
        files: SimulatedHost.Files(
            append: { bytes, path in
                do {
                    let file = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .append], mode: 0o644)
                    try file.write(String(decoding: bytes, as: UTF8.self))
                    return true
                } catch { return false }
            }, exists: { HostFacts.exists($0) }),
        clock: { Instant(seconds: 1_800_000_000) })

    let directory: String
    let image = ContainerLaunch.Root.image("busybox")
    private let installation = "test-" + String(KernelRandom.number(), radix: 36)
    private let current: Mutex<SimulatedContainerizer>

    init() throws {
        directory = try Surroundings.directory()
        current = Mutex(Self.make(installation))
    }

    private static func make(_ installation: String) -> SimulatedContainerizer {
        SimulatedContainerizer(on: machine, installation: installation, images: ["busybox"])
    }

    var containerizer: any Containerizer { current.withLock { $0 } }

    func hasEnded(_ id: ContainerID, _ process: Int32) async throws -> Bool {
        !Self.machine.isAlive(process, of: installation)
    }

    func restart() async throws {
        let made = Self.make(installation)
        current.withLock { $0 = made }
    }

    func end() async throws {
        try await restart()
        _ = try await containerizer.recover([])
        try TreeRemoval.remove(directory)
    }
}
