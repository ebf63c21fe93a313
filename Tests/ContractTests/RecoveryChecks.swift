import Containers
import Diagnostics
import LinuxKernel
import Testing

@Suite("What every containerizer finds again")
struct RecoveryChecks {
    @Test(
        "what runs is adopted, what ended meanwhile is told, what nobody knows is destroyed",
        arguments: Implementation.allCases)
    func recovery(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let runs = try await stage.started("sleep 100000")
            let ends = stage.script("until test -e /shared/go; do sleep 0.02; done; exit 9") {
                $0.volumes = [VolumeRequest(source: stage.directory, target: "/shared")]
            }
            #expect(try await stage.containerizer.launch(ends) == .launched)
            let stranger = try await stage.started("sleep 100000")
            let never = stage.script("true")
            let before = try #require(try await stage.containerizer.status(runs.id)?.process)
            let ending = try await stage.containerizer.status(ends.id)?.process
            try await stage.restart()
            try OwnedDescriptor.open(RawPath("\(stage.directory)/go"), [.writeOnly, .create], mode: 0o644).write("")
            if let ending {
                try await eventually("the container to have ended") { try await stage.hasEnded(ends.id, ending) }
            }
            let recovery = try await stage.containerizer.recover([runs, ends, never])
            #expect(recovery.adopted == [runs.id])
            #expect(recovery.ended.map(\.id) == [ends.id])
            #expect(recovery.ended.first?.exit.code == 9)
            #expect(recovery.vanished == [never.id])
            #expect(recovery.destroyed == [stranger.id])
            #expect(try await stage.containerizer.status(runs.id)?.process == before)
            #expect(try await stage.containerizer.wait(ends.id)?.code == 9)
            #expect(try await stage.containerizer.launch(runs) == .alreadyLaunched)
            #expect(try await stage.containerizer.kill(runs.id, signal: 15))
            #expect(try await stage.containerizer.wait(runs.id)?.code == 143)
        }
    }

    @Test("an adopted container can be joined, measured and followed", arguments: Implementation.allCases)
    func adoptedWorks(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("while true; do echo tick; sleep 0.05; done")
            try await stage.restart()
            #expect(try await stage.containerizer.recover([launch]).adopted == [launch.id])
            let session = try await stage.containerizer.exec(launch.id, ExecRequest(arguments: ["/bin/echo", "hello"]))
            #expect(try await session.rest().output == "hello\n")
            await session.close()
            let following = try #require(try await stage.containerizer.attach(launch.id))
            #expect(try await following.read(until: "tick\n").contains("tick\n"))
            await following.close()
            #expect(try await stage.containerizer.destroy(launch.id)?.code == 137)
        }
    }

    @Test("another installation's containers are none of ours", arguments: Implementation.allCases)
    func neighbours(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000")
            try await implementation.run { other in
                let theirs = try await other.started("sleep 100000")
                try await stage.restart()
                #expect(try await stage.containerizer.recover([launch]).destroyed.isEmpty)
                #expect(try await other.containerizer.status(theirs.id)?.state == .running)
            }
            #expect(try await stage.containerizer.status(launch.id)?.state == .running)
        }
    }

    @Test("use is measured, and of what has ended nothing is left to measure", arguments: Implementation.allCases)
    func usage(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = try await stage.started("sleep 100000")
            let usage = try #require(try await stage.containerizer.usage(launch.id))
            #expect(usage.at > 0)
            #expect((usage.processes ?? 1) >= 1)
            _ = try await stage.containerizer.kill(launch.id, signal: 9)
            _ = try await stage.containerizer.wait(launch.id)
            #expect(try await stage.containerizer.usage(launch.id) == nil)
        }
    }

    @Test("a limit is held, or refused in words: never taken and forgotten", arguments: Implementation.allCases)
    func limits(_ implementation: Implementation) async throws {
        try await implementation.run { stage in
            let launch = stage.script("sleep 100000") { $0.limits.memory = 64 << 20 }
            switch try await stage.containerizer.launch(launch) {
            case .launched:
                #expect(try await stage.containerizer.usage(launch.id)?.memoryLimitBytes == 64 << 20)
            case .notSupported(let failure):
                #expect(failure.code == "host.cannot-enforce")
                #expect(failure.field == "memory")
            case .alreadyLaunched: Issue.record("there was none")
            }
            let allowed = stage.script("sleep 100000") {
                $0.limits.memory = 64 << 20
                $0.isolation.allowedUnenforced = ["memory"]
            }
            #expect(try await stage.containerizer.launch(allowed) == .launched)
            let view = try #require(try await stage.containerizer.status(allowed.id))
            let held = try await stage.containerizer.usage(allowed.id)?.memoryLimitBytes == 64 << 20
            #expect(held == !view.unenforced.contains("memory"))
        }
    }
}
