import Containerizing
import Containers
import Diagnostics
import LinuxKernel
import OCIFormat
import Testing

/// Specifications in directories of the test's own.
@Suite("Devices by name")
struct DeviceRegistryTests {
    final class Specifications {
        let path = "/tmp/bulkhead-cdi-\(String(KernelRandom.number(), radix: 36))"
        var all: [String] { [path + "/etc", path + "/run"] }

        init() throws { for directory in all { try Directories.makeAll(directory, mode: 0o755) } }
        deinit { do { try TreeRemoval.remove(path) } catch { Issue.record("\(error)") } }

        func write(_ name: String, _ text: String, in directory: Int = 0, mode: UInt32 = 0o644) throws {
            let file = try OwnedDescriptor.open(
                RawPath("\(all[directory])/\(name)"), [.writeOnly, .create, .truncate], mode: mode)
            try file.write(text)
            try file.changeMode(mode)
        }

        func grant(_ name: String, skippingHooks: Bool = false) throws -> DeviceRegistry.Grant {
            let device = try #require(DeviceName(name))
            return try DeviceRegistry(directories: all).grant([device], skippingHooks: skippingHooks)
        }
    }

    static func specification(_ edits: String, general: String = "{}", name: String = "gpu0") -> String {
        """
        {"cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "containerEdits": \(general),
         "devices": [{"name": "\(name)", "containerEdits": \(edits)}]}
        """
    }

    @Test("bring nodes, mounts, variables and groups, with those of the specification as a whole first")
    func whole() throws {
        let place = try Specifications()
        try place.write("library.so", "x")
        try place.write(
            "vendor.json",
            Self.specification(
                """
                {"deviceNodes": [{"path": "/dev/vendor0", "hostPath": "/dev/null", "type": "c", "major": 1, "minor": 3,
                  "fileMode": 432, "permissions": "rw"}],
                 "mounts": [{"hostPath": "\(place.all[0])/library.so", "containerPath": "/usr/lib/library.so",
                  "options": ["ro", "nosuid", "bind"]}], "additionalGids": [44], "env": ["GPU=0"]}
                """, general: #"{"env": ["VENDOR=yes"]}"#))
        let grant = try place.grant("vendor.com/gpu=gpu0")
        #expect(
            grant.devices == [
                DeviceRequest(path: "/dev/vendor0", kind: "c", major: 1, minor: 3, access: "rw", mode: 0o660)
            ])
        #expect(
            grant.volumes == [
                VolumeRequest(
                    source: place.all[0] + "/library.so", target: "/usr/lib/library.so", isFile: true, readOnly: true)
            ])
        #expect(grant.environment == ["VENDOR=yes", "GPU=0"] && grant.groups == [44])
    }

    @Test("of the later directory count; twice in one they are refused; unknown ones are refused with what there is")
    func directories() throws {
        let place = try Specifications()
        try place.write("a.json", Self.specification(#"{"env": ["FROM=etc"]}"#))
        #expect(try place.grant("vendor.com/gpu=gpu0").environment == ["FROM=etc"])
        try place.write("a.json", Self.specification(#"{"env": ["FROM=run"]}"#), in: 1)
        #expect(try place.grant("vendor.com/gpu=gpu0").environment == ["FROM=run"])
        let missing = try #require(throws: Failure.self) { try place.grant("vendor.com/gpu=gpu9") }
        #expect(missing.code == "device.not-found" && missing.remedy?.contains("vendor.com/gpu=gpu0") == true)
        try place.write("b.json", Self.specification("{}"), in: 1)
        let twice = try #require(throws: Failure.self) { try place.grant("vendor.com/gpu=gpu0") }
        #expect(twice.code == "device.ambiguous")
    }

    @Test("hooks are refused, or left out when that is said")
    func hooks() throws {
        let place = try Specifications()
        try place.write(
            "a.json",
            Self.specification(#"{"hooks": [{"hookName": "createContainer", "path": "/bin/evil"}], "env": ["A=1"]}"#))
        let failure = try #require(throws: Failure.self) { try place.grant("vendor.com/gpu=gpu0") }
        #expect(failure.code == "device.refused" && failure.description.contains("/bin/evil"))
        #expect(failure.remedy?.contains("--cdi-skip-hooks") == true)
        #expect(try place.grant("vendor.com/gpu=gpu0", skippingHooks: true).environment == ["A=1"])
    }

    @Test(
        "tricks with paths, kinds and mounts are refused",
        arguments: [
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/../dev/null"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "dev/null"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/dev//null"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/fd/0"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/proc/self/root/dev/null"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/etc/passwd"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/none-such"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/null", "major": 1, "minor": 5}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/null", "type": "b"}]}"#,
            #"{"deviceNodes": [{"path":"/dev/x","hostPath":"/dev/null"}, {"path":"/dev/x","hostPath":"/dev/zero"}]}"#,
            #"{"deviceNodes": [{"path": "/dev/x", "hostPath": "/dev/null", "permissions": "x"}]}"#,
            #"{"mounts": [{"hostPath": "/proc/self/root", "containerPath": "/x"}]}"#,
            #"{"mounts": [{"hostPath": "/usr/../etc", "containerPath": "/x"}]}"#,
            #"{"mounts": [{"hostPath": "/usr", "containerPath": "/x", "options": ["suid"]}]}"#,
            #"{"mounts": [{"hostPath": "/usr", "containerPath": "/x", "type": "tmpfs"}]}"#,
            #"{"env": ["novalue"]}"#, #"{"env": ["=x"]}"#, #"{"additionalGids": [-1]}"#,
            #"{"additionalGids": ["0"]}"#, #"{"intelRdt": {"closID": "x"}}"#, #"{"netDevices": []}"#,
            #"{"deviceNodes": {}}"#, #"{"deviceNodes": [{}]}"#, #"[]"#,
        ])
    func refused(edits: String) throws {
        let place = try Specifications()
        try place.write("a.json", Self.specification(edits))
        #expect(throws: Failure.self) { try place.grant("vendor.com/gpu=gpu0") }
    }

    @Test("a file that others can write, a link and a document of another version are refused")
    func files() throws {
        for mode: UInt32 in [0o666, 0o664] {
            let place = try Specifications()
            try place.write("a.json", Self.specification("{}"), mode: mode)
            #expect(try #require(throws: Failure.self) { try place.grant("vendor.com/gpu=gpu0") }.code
                == "device.unreadable")
        }
        let place = try Specifications()
        try place.write("real", Self.specification("{}"))
        try OwnedDescriptor.open(RawPath(place.all[0]), [.directory]).makeLink("a.json", to: "real")
        #expect(throws: Failure.self) { try place.grant("vendor.com/gpu=gpu0") }
        for text in [
            "", "{", "[]", #"{"cdiVersion": "9.9.9", "kind": "a.b/c", "devices": []}"#,
            #"{"cdiVersion": "0.6.0", "kind": "../c", "devices": []}"#,
            #"{"cdiVersion": "0.6.0", "kind": "a/b", "devices": [{"name": "x"}]}"#,
            #"{"cdiVersion": "0.6.0", "kind": "a/b", "devices": [{"name": "../x", "containerEdits": {}}]}"#,
        ] {
            let place = try Specifications()
            try place.write("a.json", text)
            #expect(throws: Failure.self, "\(text)") { try place.grant("vendor.com/gpu=gpu0") }
        }
    }

    @Test("a name is vendor, class and device, and nothing that looks like a path")
    func names() {
        #expect(DeviceName("nvidia.com/gpu=all")?.name == "all")
        #expect(DeviceName("vendor.com/class-1=a:b.c_d")?.kind == "vendor.com/class-1")
        for text in ["/dev/null", "/dev/a=b", "gpu=0", "a/b/c=d", "a/b=", "a/b=../c", "a/b=c d", "1a/b=c", "a/b=c/d"] {
            #expect(DeviceName(text) == nil, "\(text)")
        }
    }
}

/// Which devices of a kind are one container's each.
@Suite("Devices to give out")
struct DeviceInventoryTests {
    /// Devices by their names and the nodes each has, as one specification.
    private static func inventory(
        _ devices: [(String, [String])], of kind: String = "vendor.com/gpu"
    ) throws -> [String] {
        let place = try DeviceRegistryTests.Specifications()
        let entries = devices.map { name, nodes in
            let list = nodes.map { #"{"path": "/dev/\#($0)"}"# }.joined(separator: ", ")
            return #"{"name": "\#(name)", "containerEdits": {"deviceNodes": [\#(list)]}}"#
        }
        let list = entries.joined(separator: ", ")
        try place.write("a.json", #"{"cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "devices": [\#(list)]}"#)
        return try DeviceRegistry(directories: place.all).inventory(of: kind).map(\.description)
    }

    static let inventories: [(devices: [(String, [String])], names: [String])] = [
        ([("10", ["d"]), ("2", ["c"]), ("b", ["b"]), ("a", ["a"])], ["2", "10", "a", "b"]),
        ([("0", ["x"]), ("1", ["y"]), ("all", ["x", "y"])], ["0", "1"]),
        ([("0", ["x"]), ("all", ["x"])], ["0"]), ([("0", ["x"]), ("GPU-1f", ["x"]), ("1", ["y"])], ["0", "1"]),
        ([("0", ["ctl", "x"]), ("1", ["ctl", "y"]), ("all", ["ctl", "x", "y"])], ["0", "1"]),
        ([("0", []), ("1", [])], ["0", "1"]),
    ]

    @Test("are each counted once, numbers first, and several together not at all", arguments: inventories.indices)
    func counted(_ index: Int) throws {
        let (devices, names) = Self.inventories[index]
        #expect(try Self.inventory(devices) == names.map { "vendor.com/gpu=" + $0 })
    }

    @Test("can be one of them")
    func one() throws {
        #expect(try Self.inventory([("0", ["x"]), ("1", ["y"])], of: "vendor.com/gpu=1") == ["vendor.com/gpu=1"])
    }

    @Test(
        "are refused where there is none, or two have a part in common",
        arguments: [
            ("device.shared", "vendor.com/gpu", [("0", ["x", "y"]), ("1", ["y", "z"]), ("2", ["q"])]),
            ("device.not-found", "vendor.com/nic", [("0", ["x"])]),
            ("device.not-found", "vendor.com/gpu=7", [("0", ["x"])]),
        ] as [(String, String, [(String, [String])])])
    func refused(_ code: String, _ kind: String, _ devices: [(String, [String])]) throws {
        let failure = #expect(throws: Failure.self) { try Self.inventory(devices, of: kind) }
        #expect(failure?.code.rawValue == code)
    }
}
