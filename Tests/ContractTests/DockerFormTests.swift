import Containers
import Diagnostics
import OCIFormat
import Testing

@testable import DockerContainerizer

@Suite("What a Docker Engine is told, and what it says")
struct DockerFormTests {
    private static func launch(_ change: (inout ContainerLaunch) -> Void = { _ in }) throws -> ContainerLaunch {
        var launch = ContainerLaunch(id: try ContainerID("c1"), root: .image("box"), program: .shell("true"))
        change(&launch)
        return launch
    }

    private static func body(
        root: Bool = true, _ change: (inout ContainerLaunch) -> Void = { _ in }
    ) throws -> JSONValue {
        try DockerLaunch(
            launch: launch(change), installation: "i", abilities: .init(), image: "sha256:x",
            config: ImageConfig(layers: []), startsAsRoot: root
        ).body()
    }

    @Test("the walls are asked for by name, and nothing is left to the engine's own defaults that we can say")
    func walls() throws {
        let host = try Self.body()["HostConfig"]
        #expect(host["SecurityOpt"].strings == ["no-new-privileges"])
        #expect(host["CapDrop"].strings == ["ALL"])
        #expect(host["CapAdd"].strings == CapabilitySet.rootDefault.names)
        #expect(host["Privileged"].bool == false)
        #expect(host["NetworkMode"].string == "none")
        #expect(host["IpcMode"].string == "private")
        #expect(host["PidsLimit"].unsigned == ContainerLimits.defaultPids)
        #expect(host["MaskedPaths"].strings == DefaultPaths.masked)
        #expect(host["ReadonlyPaths"].strings == DefaultPaths.readOnly)
        #expect(try Self.body(root: false)["HostConfig"]["CapAdd"].strings.isEmpty)
        #expect(try Self.body { $0.isolation.seccomp = .unconfined }["HostConfig"]["SecurityOpt"].strings.count == 2)
    }

    @Test("the engine's own copy of the output has a bound")
    func logBounds() throws {
        let log = try Self.body()["HostConfig"]["LogConfig"]
        #expect(log["Type"].string == "json-file")
        #expect(log["Config"]["max-size"].string == "32m" && log["Config"]["max-file"].string == "3")
    }

    @Test("limits are told in the engine's units, and memory without swap unless it was asked for")
    func limits() throws {
        let host = try Self.body {
            $0.limits = ContainerLimits(cpus: 0.25, cpuWeight: 10_000, memory: 64 << 20, cpuset: "0-1")
        }["HostConfig"]
        #expect(host["CpuQuota"].integer == 25_000 && host["CpuPeriod"].integer == 100_000)
        #expect(host["CpuShares"].unsigned == 262_144)
        #expect(host["Memory"].unsigned == 64 << 20 && host["MemorySwap"].unsigned == 64 << 20)
        #expect(host["CpusetCpus"].string == "0-1")
    }

    private static func impossible(_ field: String) throws -> ContainerLaunch {
        try launch { launch in
            switch field {
            case "command": launch.program = .hold
            case "endpointPort": launch.endpointPort = 5051
            case "image": launch.root = .hostTools
            case "isolation.seccomp": launch.isolation.seccomp = .strict
            case "isolation.procView": launch.isolation.procView = .processes
            case "isolation.network": launch.isolation.network = .container(launch.id)
            case "device":
                launch.isolation.devices = [DeviceRequest(path: "/dev/x", kind: "c", major: 1, minor: 3, access: "r")]
            case "emulate": launch.isolation.emulated = [.mknod]
            case "security-label": launch.isolation.securityLabel = "x"
            case "volume": launch.volumes = [VolumeRequest(source: "/a", target: "/a", noExecute: true)]
            default: launch.limits.ioWeight = 5
            }
        }
    }

    @Test(
        "what it cannot do is refused in words, with the field at fault",
        arguments: [
            "command", "endpointPort", "image", "isolation.seccomp", "isolation.procView", "isolation.network",
            "volume", "io", "device", "emulate", "security-label",
        ])
    func refused(_ field: String) throws {
        let refusal = try DockerLaunch.refusal(of: Self.impossible(field))
        #expect(refusal?.code == "docker.not-supported")
        #expect(refusal?.field == field)
    }

    @Test("a limit that the engine does not hold is refused unless it was allowed to go unheld")
    func unheld() throws {
        let (limits, id) = (ContainerLimits(memory: 1 << 20), try ContainerID("c1"))
        let failure = #expect(throws: Failure.self) {
            try DockerLaunch.check(limits, allowed: [], .init(), on: id)
        }
        #expect(failure?.code == "host.cannot-enforce" && failure?.field == "memory")
        try DockerLaunch.check(limits, allowed: ["memory"], .init(), on: id)
        try DockerLaunch.check(limits, allowed: [], .init(memory: true), on: id)
    }

    @Test("frames are put together however they arrive, and what is no frame is refused")
    func frames() throws {
        let said: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 2, 104, 105, 2, 0, 0, 0, 0, 0, 0, 1, 33]
        for size in 1...said.count {
            var stream = EngineStream(hasTerminal: false)
            var pieces: [SessionOutput] = []
            for start in stride(from: 0, to: said.count, by: size) {
                pieces += try stream.pieces(adding: Array(said[start..<min(start + size, said.count)]))
            }
            #expect(pieces == [.output([104, 105]), .error([33])])
        }
        var stream = EngineStream(hasTerminal: false)
        #expect(throws: Failure.self) { try stream.pieces(adding: Array("HTTP/1.1".utf8)) }
        var terminal = EngineStream(hasTerminal: true)
        #expect(try terminal.pieces(adding: [9, 9]) == [.output([9, 9])])
    }

    @Test(
        "moments are read to the second and below",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00.5Z", 951_825_600.5),
            ("2026-11-21T07:31:54.25Z", 1_795_246_314.25), ("0001-01-01T00:00:00Z", nil), ("yesterday", nil),
        ] as [(String, Double?)])
    func moments(_ text: String, _ seconds: Double?) { #expect(EngineTime.seconds(text) == seconds) }

    @Test("what goes into an address is quoted")
    func quoted() { #expect(Engine.quoted("a b/ü&=~") == "a%20b%2F%C3%BC%26%3D~") }
}
