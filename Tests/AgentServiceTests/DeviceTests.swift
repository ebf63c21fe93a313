import AgentCore
import ClusterModel
import Containers
import Diagnostics
import HTTPServing
import Testing

@testable import AgentService

/// Says what it was asked for, in what it gives.
struct ScriptedDevices: DeviceKeeper {
    func grant(_ orders: [DeviceOrder]) async throws(Failure) -> DeviceGrant {
        guard !orders.contains(where: { $0.name == "/dev/gone" }) else {
            throw Failure("device.refused", doing: "give the device", on: "/dev/gone", cause: "it is gone")
        }
        var grant = DeviceGrant()
        for order in orders {
            let path = order.path ?? "/dev/gpu" + order.name.suffix(1)
            grant.devices.append(DeviceRequest(path: path, kind: "c", major: 195, minor: 0, access: "rw"))
        }
        grant.volumes = [VolumeRequest(source: "/usr/lib/vendor.so", target: "/usr/lib/vendor.so", readOnly: true)]
        grant.environment = ["GPU=yes"]
        grant.groups = [44]
        return grant
    }
}

@Suite("Devices of an agent's tasks", .serialized, .timeLimit(.minutes(5)))
struct AgentDeviceTests {
    private static func bench() async throws -> Bench {
        try await Bench { settings in
            settings.devices = ScriptedDevices()
            settings.policy.deviceResources = [.init("gpus", devices: ["vendor.com/gpu=0", "vendor.com/gpu=1"])]
            settings.policy.devices = [.init("/dev/gone"), .init("/dev/fuse")]
        }
    }

    @Test("are looked up when the container is launched, offered as a resource, and not in the journal")
    func granted() async throws {
        let bench = try await Self.bench()
        var said = bench.master.said.makeAsyncIterator()
        let registration = try await bench.admit(&said)
        #expect(Resources(registration.resources).amount(of: "gpus") == Scalar(2))
        try bench.run("t") {
            $0.resources.append(Resource("gpus", .scalar(Scalar(1))))
            $0.runner = .command(CommandSpec(.shell("x"), environment: [.init("GPU", .text("no"))]))
            $0.container?.kind = .docker
            $0.container?.docker = DockerOptions(parameters: [.init("device", "/dev/fuse:/dev/x")])
        }
        #expect(await bench.acknowledge(&said, until: .running).last == .running)
        let launch = try #require(bench.containerizer.running.first)
        #expect(launch.isolation.devices.map(\.path) == ["/dev/x", "/dev/gpu0"])
        #expect(launch.isolation.allowedDevices == ["/dev/x"])
        #expect(launch.volumes.last?.target == "/usr/lib/vendor.so" && launch.groups == [44])
        #expect(launch.environment.filter { $0.hasPrefix("GPU=") } == ["GPU=yes"])
        let records = try await bench.journal.records().flatMap { try AgentRecord.decode($0) }
        let planned = records.compactMap { record -> ContainerLaunch? in
            if case .containerPlanned(let run) = record { run.launch } else { nil }
        }
        #expect(planned.map { $0.devices?.map(\.name) } == [["/dev/fuse", "vendor.com/gpu=0"]])
        #expect(planned.allSatisfy { $0.isolation.devices.isEmpty && $0.groups == nil })
        await bench.stop()
    }

    @Test("that are not there fail the task with the reason")
    func gone() async throws {
        let bench = try await Self.bench()
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t") {
            $0.container?.kind = .docker
            $0.container?.docker = DockerOptions(parameters: [.init("device", "/dev/gone")])
        }
        #expect(await bench.acknowledge(&said, until: .failed).last == .failed)
        #expect(bench.containerizer.running.isEmpty)
        await bench.stop()
    }

    @Test("and an executor's secrets come with its token")
    func tokens() async throws {
        let tokens = try await ExecutorTokens(key: [UInt8](repeating: 7, count: 32))
        let bench = try await Bench { settings in
            settings.devices = ScriptedDevices()
            settings.policy.deviceResources = [.init("gpus", devices: ["vendor.com/gpu=0"])]
            settings.executorTokens = tokens
        }
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t") {
            let executor = ExecutorSpec(
                id: try ExecutorID("e"), framework: try FrameworkID("F"), kind: .custom,
                command: CommandSpec(.shell("x"), environment: [.init("S", .secretBytes([65]))]))
            $0.runner = .executor(executor)
            $0.container = nil
            $0.resources.append(Resource("gpus", .scalar(Scalar(1))))
        }
        while bench.containerizer.launched.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        let launch = try #require(bench.containerizer.launched.first)
        #expect(launch.environment.contains { $0.hasPrefix("MESOS_EXECUTOR_AUTHENTICATION_TOKEN=") })
        #expect(launch.secrets?.first?.value.isAbsent == false && launch.isolation.devices.map(\.path) == ["/dev/gpu0"])
        await bench.stop()
    }
}
