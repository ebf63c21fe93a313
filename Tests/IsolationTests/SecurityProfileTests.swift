import Containers
import Diagnostics
import HostProbe
import LaunchPlanning
import LinuxKernel
import SeccompFormat
import Testing

@testable import Isolation

@Suite("What security modules are told")
struct SecurityProfileTests {
    @Test("the profile denies every masked and every read-only path, and its name changes with them")
    func profile() throws {
        let profile = try AppArmorProfile(masked: ["/proc/b", "/proc/a"], readOnly: ["/proc/sys"])
        #expect(profile.text.contains("  deny /proc/a{,/,/**} rwklmx,\n  deny /proc/b{,/,/**} rwklmx,"))
        #expect(profile.text.contains("  deny /proc/sys{,/,/**} wkl,"))
        #expect(profile.text.hasPrefix("profile \(profile.name) flags="))
        #expect(try AppArmorProfile(masked: ["/proc/a", "/proc/b"], readOnly: ["/proc/sys"]) == profile)
        #expect(try AppArmorProfile(masked: ["/proc/a"], readOnly: ["/proc/sys"]).name != profile.name)
    }

    @Test("a path that would be more than a path in a profile is refused", arguments: [
        "/a b", "/a*", "relative", "/a\n", "/{a,b}", "/a\"", "/@{PROC}", "",
    ])
    func paths(path: String) throws {
        let failure = try #require(throws: Failure.self) { try AppArmorProfile(masked: [path], readOnly: []) }
        #expect(failure.code == "apparmor.bad-path")
    }

    @Test("a parser that does not end is killed, and that is said")
    func unendingParser() throws {
        let directory = "/tmp/bulkhead-parser-\(String(KernelRandom.number(), radix: 36))"
        try Directories.makeAll(directory, mode: 0o700)
        let script = try OwnedDescriptor.memoryFile("script")
        // It ends all the same: without a limit this test fails, and does not hang.
        try script.write("#!/bin/sh\nexec /bin/sleep 10\n")
        try script.seek(to: 0)
        // Written by a process that has ended: a child that another test starts meanwhile would have a file of ours
        // open for writing until it executes its own program, and that cannot be executed (ETXTBSY).
        let writer = try ToolProcess.start(
            "/bin/sh", ["-c", #"cat > "$1" && chmod 700 "$1""#, "sh", directory + "/parser"],
            environment: ["PATH=/usr/bin:/bin"], descriptors: [script, nil, nil])
        try #require(try writer.reap(within: 120) == .exited(0))
        let failure = #expect(throws: Failure.self) {
            try AppArmorPolicy.load("profile x {}", as: "x", parser: directory + "/parser", within: 0.05)
        }
        #expect(failure?.code == "apparmor.cannot-load" && failure?.retry == .later)
        #expect(failure?.remedy?.hasPrefix("apparmor_parser took more than") == true)
        try TreeRemoval.remove(directory)
    }

    @Test("a label is user, role, type and level, and nothing that could be a mount option", arguments: [
        ("system_u:system_r:container_t:s0:c1,c2", true), ("a:b:c", true), ("a:b", false), ("", false),
        ("a:b:c\",ro", false), ("a:b:c d", false), (String(repeating: "a:b:c", count: 300), false),
    ])
    func labels(label: String, isLabel: Bool) {
        var refused = false
        do throws(Failure) { try SecurityLabelIsolator.check(label, flag: "x") } catch { refused = true }
        #expect(refused != isLabel)
    }

    @Test("a label is refused where SELinux does not hold it")
    func refusedLabel() throws {
        var context = Fixture.context { $0.isolation.securityLabel = "a:b:c" }
        context.host.features[.selinux] = Ability(.unavailable, why: "it is not active")
        let failure = try #require(throws: Failure.self) { try ContainerPlan.build(context) }
        #expect(failure.code == "host.cannot-enforce" && failure.field == "security-label")
        context.host.features[.selinux] = .enforced
        let plan = try ContainerPlan.build(context)
        #expect(plan.steps.contains { $0.step == .setLabel(file: "attr/exec", value: "a:b:c") })
    }

    @Test("a label is for the task, its keyring and each file system that is made, also where it is only reported")
    func labelled() throws {
        var context = Fixture.context {
            ($0.isolation.securityLabel, $0.isolation.mountLabel) = ("a:b:c", "a:b:f:s0:c1,c2")
            $0.isolation.allowedUnenforced = ["selinux"]
            $0.temporaryFilesystems = [TemporaryFilesystem(target: "/t")]
        }
        for state in [Ability.State.enforced, .weakened, .unavailable] {
            context.host.features[.selinux] = Ability(state)
            let plan = try ContainerPlan.build(context)
            let set = plan.steps.compactMap { if case .setLabel(let file, "a:b:c") = $0.step { file } else { nil } }
            #expect(set == (state == .unavailable ? [] : ["attr/keycreate", "attr/exec"]))
            let targets = plan.steps.compactMap { planned -> String? in
                guard case .mount(_, let target, _, _, let options) = planned.step else { return nil }
                return options.contains("context=a:b:f:s0:c1,c2") ? target : nil
            }
            #expect(targets == (state == .unavailable ? [] : ["/dev/pts", "/dev/shm", "/t"]))
        }
    }

    @Test("Landlock is told what can be written, where the root cannot")
    func landlock() throws {
        var context = Fixture.context {
            $0.isolation.readOnlyRoot = true
            $0.volumes = [
                VolumeRequest(source: "/s", target: "/data"),
                VolumeRequest(source: "/t", target: "/kept", readOnly: true),
            ]
        }
        func told() throws -> [String]? {
            try ContainerPlan.build(context).steps.compactMap { planned -> [String]? in
                if case .confineWrites(let paths) = planned.step { paths } else { nil }
            }.first
        }
        context.host.features[.landlock] = .enforced
        let paths = try #require(try told())
        #expect(paths.contains("/data") && !paths.contains("/kept") && !paths.contains("/"))
        context.host.features[.landlock] = Ability(.unavailable)
        #expect(try told() == nil)
        context.host.features[.landlock] = .enforced
        context.request.isolation.readOnlyRoot = false
        #expect(try told() == nil)
    }

    @Test(
        "a device is refused where it is not a plain path below /dev, in the place of the container's own, or the host",
        arguments: [
            ("/dev/../x", "c", 10, 200), ("/etc/x", "c", 10, 200), ("/dev/a//b", "c", 10, 200), ("/dev/", "c", 10, 200),
            ("/dev/null", "c", 10, 200), ("/dev/pts/5", "c", 10, 200), ("/dev/shm", "c", 10, 200),
            ("/dev/x", "u", 10, 200), ("/dev/mem", "c", 1, 1), ("/dev/innocent", "c", 1, 11),
            ("/dev/loop", "c", 10, 237), ("/dev/sda", "b", 8, 0),
        ] as [(String, String, UInt32, UInt32)])
    func devices(path: String, kind: String, major: UInt32, minor: UInt32) throws {
        let device = DeviceRequest(path: path, kind: kind, major: major, minor: minor, access: "rw")
        let context = Fixture.context { $0.isolation.devices = [device] }
        #expect(try #require(throws: Failure.self) { try ContainerPlan.build(context) }.code == "device.refused")
    }

    @Test("a disk and a control device are given when that is said twice, and nothing twice or below another")
    func allowed() throws {
        let disk = DeviceRequest(path: "/dev/disk", kind: "b", major: 8, minor: 0, access: "r")
        for allowed in ["/dev/disk", "b 8:0"] {
            let context = Fixture.context {
                $0.isolation.devices = [disk]
                $0.isolation.allowedDevices = [allowed]
            }
            #expect(throws: Never.self) { try ContainerPlan.build(context) }
        }
        let tunnel = DeviceRequest(path: "/dev/net/tun", kind: "c", major: 10, minor: 200, access: "rwm")
        let above = DeviceRequest(path: "/dev/net", kind: "c", major: 10, minor: 200, access: "rw")
        for devices in [[tunnel, tunnel], [tunnel, above]] {
            let context = Fixture.context { $0.isolation.devices = devices }
            #expect(throws: Failure.self) { try ContainerPlan.build(context) }
        }
        let context = Fixture.context { $0.isolation.devices = [tunnel] }
        let rule = try #require(DeviceIsolator.rules(context.request.isolation).last)
        #expect(rule.access == DeviceAccess("rw"), "nothing in there makes nodes")
    }
}
