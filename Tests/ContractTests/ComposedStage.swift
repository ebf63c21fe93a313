import Containerizing
import Containers
import Synchronization
import Testing

/// Native and crun as one: which of them gets a launch is told by the last letter of its id.
final class ComposedStage: Stage {
    private let stages: [NativeStage]
    private let current: Mutex<ComposingContainerizer>

    init() throws {
        stages = [try NativeStage(), try NativeStage(runtime: "crun")]
        current = Mutex(Self.make(stages))
    }

    private static func make(_ stages: [NativeStage]) -> ComposingContainerizer {
        ComposingContainerizer(stages.map(\.containerizer)) { launch in
            let names = stages.map(\.containerizer.name)
            return launch.id.text.utf8.last.map { $0 % 2 == 0 } == true ? names : names.reversed()
        }
    }

    var containerizer: any Containerizer { current.withLock { $0 } }
    var image: ContainerLaunch.Root { stages[0].image }
    var directory: String { stages[0].directory }

    func restart() async throws {
        for stage in stages { try await stage.restart() }
        let made = Self.make(stages)
        current.withLock { $0 = made }
    }

    func end() async throws { for stage in stages { try await stage.end() } }
}
