import LinuxKernel
import RuntimeSpec
import Testing

@Suite("network devices that become a container's")
struct NetworkDeviceTests {
    /// Runs the bundle in a network of its own, with what `making` makes in it.
    private func run(_ bundle: TestBundle, _ making: String) throws -> ProgramAnswer {
        try ProgramAnswer.of(
            "/usr/bin/unshare",
            [
                "--net", "sh", "-c", "set -e; \(making); exec \"$@\"", "sh", TestBundle.program, "--root",
                "\(bundle.place)/state", "run", "--bundle", bundle.place, TestBundle.id,
            ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin:/usr/sbin:/sbin"])
    }

    private static let pair = """
        ip link add one type veth peer name two; ip addr add 10.9.8.7/24 brd 10.9.8.200 dev one
        ip link set one mtu 1400 up; ip -6 addr add fd00:9::7/64 dev one nodad
        """

    @Test("a device comes with its addresses, its name or another, and is up", arguments: ["one", "inner"])
    func moved(name: String) throws {
        let bundle = try TestBundle.running("busybox ip addr show dev \(name)") {
            TestBundle.set(&$0, ["linux", "netDevices", "one"], name == "one" ? [:] : ["name": .string(name)])
        }
        let answer = try run(bundle, Self.pair)
        #expect(answer.status == 0, "\(answer.errors)")
        for words in ["10.9.8.7/24 brd 10.9.8.200", "fd00:9::7/64", "mtu 1400", ",UP"] {
            #expect(answer.output.contains(words), "\(words): \(answer.output)")
        }
        try bundle.remove()
    }

    @Test("devices whose names the kernel is to number come all, whatever is there")
    func numbered() throws {
        let bundle = try TestBundle.running("busybox ip addr") {
            TestBundle.set(&$0, ["linux", "netDevices"], ["one": ["name": "eth%d"], "two": ["name": "eth%d"]])
        }
        let answer = try run(bundle, Self.pair)
        #expect(answer.status == 0, "\(answer.errors)")
        for words in ["10.9.8.7/24", " eth0", " eth1"] {
            #expect(answer.output.contains(words), "\(words): \(answer.output)")
        }
        try bundle.remove()
    }

    @Test("a device that is not there, or a name that is taken, fails the container, and nothing of it is left")
    func impossible() throws {
        for (device, name) in [("three", "x"), ("one", "lo")] {
            let bundle = try TestBundle.running("true") {
                TestBundle.set(&$0, ["linux", "netDevices", device], ["name": .string(name)])
            }
            let answer = try run(bundle, Self.pair)
            #expect(answer.status == 1)
            #expect(answer.errors.contains("move the network device \(device)"), "\(answer.errors)")
            #expect(try bundle.call("list", "--quiet").output.isEmpty)
            try bundle.remove()
        }
    }

    @Test(
        "names that no device has, and two devices of one name, are refused",
        arguments: [
            ["one": ["name": "a/b"]], ["one": ["name": "sixteen-bytes-it"]], ["..": [:]], ["one": ["name": "eth%dx"]],
            ["one": ["name": "%d"]], ["on%d": [:]], ["one": ["name": "x"], "two": ["name": "x"]],
        ] as [SpecValue])
    func names(devices: SpecValue) throws {
        let bundle = try TestBundle.running("true") { TestBundle.set(&$0, ["linux", "netDevices"], devices) }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("linux.netDevices."), "\(answer.errors)")
        try bundle.remove()
    }

    @Test("without a network namespace there is nowhere to move a device to")
    func noNamespace() throws {
        let bundle = try TestBundle.running("true") {
            TestBundle.set(&$0, ["linux", "netDevices", "one"], [:])
            guard case .object(let linux)? = $0["linux"], case .array(let namespaces)? = linux["namespaces"] else {
                return
            }
            TestBundle.set(&$0, ["linux", "namespaces"], .array(namespaces.filter { $0 != ["type": "network"] }))
        }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("without a network namespace"), "\(answer.errors)")
        try bundle.remove()
    }
}
