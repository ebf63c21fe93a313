import Containers
import Diagnostics
import LinuxKernel
import Testing

@Suite("How containers end, with every containerizer")
struct EndChecks {
    @Test("a signal of ours ends a task, and is told as such", arguments: Implementation.allCases)
    func killed(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            for signal in [15, 9] as [Int32] {
                let launch = try await stage.started("sleep 100000")
                #expect(try await stage.containerizer.kill(launch.id, signal: signal))
                let exit = try #require(try await stage.containerizer.wait(launch.id))
                #expect(exit.code == 128 + signal)
                #expect(try await !stage.containerizer.kill(launch.id, signal: signal))
            }
        }
    }

    @Test("a task that handles a signal ends its own way", arguments: Implementation.allCases)
    func handled(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = stage.script("trap 'exit 5' TERM; echo ready; while true; do sleep 0.1; done") {
                $0.output = OutputFile(path: "\(stage.directory)/ready")
            }
            #expect(try await stage.containerizer.launch(launch) == .launched)
            try await eventually("the task to be ready") { try stage.text(launch.output).contains("ready") }
            #expect(try await stage.containerizer.kill(launch.id, signal: 15))
            #expect(try await stage.containerizer.wait(launch.id)?.code == 5)
        }
    }

    @Test(
        "an end can be waited for by many, also long afterwards, until it is destroyed",
        arguments: Implementation.allCases)
    func waiting(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let containerizer = stage.containerizer
            let launch = try await stage.started("sleep 100000")
            let early = (0..<50).map { _ in Task { try await containerizer.wait(launch.id) } }
            #expect(try await containerizer.kill(launch.id, signal: 9))
            for task in early { #expect(try await task.value?.code == 137) }
            #expect(try await containerizer.wait(launch.id)?.code == 137)
            #expect(try await containerizer.destroy(launch.id)?.code == 137)
            #expect(try await containerizer.wait(launch.id) == nil)
        }
    }

    @Test("a wait that nobody needs any more ends", arguments: Implementation.allCases)
    func cancelledWait(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let containerizer = stage.containerizer
            let launch = try await stage.started("sleep 100000")
            let waiting = Task { try await containerizer.wait(launch.id) }
            waiting.cancel()
            #expect(try await waiting.value == nil)
            #expect(try await containerizer.status(launch.id)?.state == .running)
        }
    }

    @Test("destroying ends what runs, answers how, and can be repeated", arguments: Implementation.allCases)
    func destroyed(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("trap '' TERM; while true; do sleep 1; done")
            #expect(try await stage.containerizer.destroy(launch.id)?.code == 137)
            #expect(try await stage.containerizer.destroy(launch.id) == nil)
            #expect(try await stage.containerizer.status(launch.id) == nil)
            let ended = try await stage.started("exit 6")
            _ = try await stage.containerizer.wait(ended.id)
            #expect(try await stage.containerizer.destroy(ended.id)?.code == 6)
            #expect(try await stage.containerizer.containers().isEmpty)
        }
    }

    @Test("what nobody has heard of is nil or false, never an error", arguments: Implementation.allCases)
    func unknown(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let id = try ContainerID("nobody")
            let containerizer = stage.containerizer
            #expect(try await containerizer.wait(id) == nil)
            #expect(try await containerizer.destroy(id) == nil)
            #expect(try await containerizer.status(id) == nil)
            #expect(try await containerizer.usage(id) == nil)
            #expect(try await containerizer.attach(id) == nil)
            #expect(try await !containerizer.kill(id, signal: 15))
            await #expect(throws: Failure.self) { try await containerizer.exec(id, ExecRequest(arguments: ["true"])) }
            await #expect(throws: Failure.self) { try await containerizer.update(id, limits: ContainerLimits()) }
        }
    }

    @Test("children are destroyed with their parent", arguments: Implementation.allCases)
    func children(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let parent = try await stage.started("sleep 100000")
            let child = try await stage.started("sleep 100000") { $0.parent = parent.id }
            let other = try await stage.started("sleep 100000")
            _ = try await stage.containerizer.destroy(parent.id)
            #expect(try await stage.containerizer.status(child.id) == nil)
            #expect(try await stage.containerizer.containers() == [other.id])
            let orphan = stage.script("true") { $0.parent = parent.id }
            await #expect(throws: Failure.self) { try await stage.containerizer.launch(orphan) }
        }
    }

    @Test("whoever listens hears of each launch and each end once", arguments: Implementation.allCases)
    func events(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let events = stage.containerizer.events()
            let launch = try await stage.started("exit 2")
            let exit = try #require(try await stage.containerizer.wait(launch.id))
            _ = try await stage.containerizer.destroy(launch.id)
            let last = try await stage.started("exit 0")
            var heard: [ContainerEvent] = []
            for await event in events {
                heard.append(event)
                if event == .launched(last.id) { break }
            }
            #expect(heard == [.launched(launch.id), .exited(launch.id, exit), .launched(last.id)])
        }
    }
}

/// Waits for a condition, at most 30 s.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    let deadline = Deadline(seconds: 120)
    while try await !condition() {
        try #require(!deadline.hasPassed, "waited 120 s for \(what)")
        try await Task.sleep(for: .milliseconds(10))
    }
}
