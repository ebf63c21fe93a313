import ClusterModel
import Diagnostics
import LinuxKernel
import Testing

/// Devices of a specification of the test's own: harmless ones of the host under other names.
@Suite("Tasks with devices, end to end", .serialized, .endsWhenStuck)
struct DeviceStoryTests {
    private static let specification = """
        {"cdiVersion": "0.6.0", "kind": "vendor.com/gpu", "containerEdits": {"env": ["VENDOR=yes"]}, "devices": [
          {"name": "0", "containerEdits": {"env": ["GPU=0"], "additionalGids": [4444],
            "deviceNodes": [{"path": "/dev/gpu0", "hostPath": "/dev/zero"}]}},
          {"name": "1", "containerEdits": {"env": ["GPU=1"],
            "deviceNodes": [{"path": "/dev/gpu1", "hostPath": "/dev/full"}]}},
          {"name": "all", "containerEdits": {"deviceNodes": [
            {"path": "/dev/gpu0", "hostPath": "/dev/zero"}, {"path": "/dev/gpu1", "hostPath": "/dev/full"}]}}]}
        """

    private static func withDevices(
        _ options: [String] = [], _ body: (LocalCluster) async throws -> Void
    ) async throws {
        let base = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        let path = "\(base)/cdi-\(String(KernelRandom.number(), radix: 36))"
        try Directories.makeAll(path, mode: 0o755)
        let file = try OwnedDescriptor.open(RawPath(path + "/vendor.json"), [.writeOnly, .create], mode: 0o644)
        try file.write(specification)
        try file.changeMode(0o644)
        try await withCluster(["--cdi-resource", "gpus=vendor.com/gpu", "--cdi-dir", path] + options, body)
        try TreeRemoval.remove(path)
    }

    /// What a container's /dev has of these devices, from inside.
    private static let look = ["sh", "-c", "ls /dev | grep gpu | tr '\\n' ' '; echo $GPU $VENDOR"]

    @Test("a task has the devices it was offered, usable, and the other one is nobody's but its own")
    func exclusive() async throws {
        try await Self.withDevices { cluster in
            let words = ["task", "run", "--cpus", "0.1", "--memory", "32m", "--gpus", "1"]
            let read = "head -c 3 /dev/gpu0 | od -An -tx1; id -G; "
            let (status, text) = try await cluster.run(
                words + ["busybox", "sh", "-c", read + (Self.look.last ?? "")])
            #expect(status == 0)
            let lines = text.split(whereSeparator: \.isNewline).map { $0.split(separator: " ").joined(separator: " ") }
            #expect(lines.first == "00 00 00" && lines.last == "gpu0 0 yes", "\(text)")
            #expect(lines.dropFirst().first?.split(separator: " ").contains("4444") == true, "\(text)")

            for name in ["a", "b"] {
                let (started, _) = try await cluster.run(words + ["-d", "--name", name, "busybox", "sleep", "1000"])
                #expect(started == 0)
            }
            #expect(try await cluster.run(["task", "exec", "a"] + Self.look).text == "gpu0 0 yes\n")
            #expect(try await cluster.run(["task", "exec", "b"] + Self.look).text == "gpu1 1 yes\n")

            // An agent that was away knows whose they are.
            try await cluster.crash()
            try await cluster.start()
            #expect(try await cluster.run(["task", "kill", "a", "--grace", "0s"]).status == 0)
            let (third, said) = try await cluster.run(words + ["busybox"] + Self.look)
            #expect(third == 0 && said == "gpu0 0 yes\n", "\(said)")
            #expect(try await cluster.run(["task", "exec", "b"] + Self.look).text == "gpu1 1 yes\n")
            // Who asks for none sees none.
            let none = ["task", "run", "busybox", "sh", "-c", "ls /dev | grep -c gpu"]
            #expect(try await cluster.run(none).text == "0\n")
            #expect(try await cluster.run(["task", "kill", "b", "--grace", "0s"]).status == 0)
        }
    }

    @Test("devices by their name are given where the operator says so")
    func byName() async throws {
        try await Self.withDevices(["--allow-device", "/dev/full:r"]) { cluster in
            func run(_ device: String) async throws -> (status: Int32, text: String) {
                try await cluster.run(
                    ["task", "run", "--device", device, "busybox", "sh", "-c", "ls /dev/x; echo y > /dev/x"])
            }
            let (status, text) = try await run("/dev/full:/dev/x:r")
            #expect(status != 0 && text.hasPrefix("/dev/x\n"))
            for device in ["/dev/full:/dev/x:rw", "/dev/zero:/dev/x:r", "vendor.com/gpu=0"] {
                let (refused, said) = try await run(device)
                #expect(refused != 0 && said.isEmpty, "\(device): \(said)")
            }
        }
    }

    @Test("what 'task run' asks for is what the container has")
    func walls() async throws {
        try await withCluster { cluster in
            let script = """
                ulimit -n; cat /proc/sys/kernel/sem; stat -f -c '%b %S' /dev/shm; touch /x || echo refused; \
                grep ' /t ' /proc/mounts; grep Seccomp: /proc/self/status; grep here /etc/hosts
                """
            let (status, text) = try await cluster.run([
                "task", "run", "--ulimit", "nofile=77:88", "--sysctl", "kernel.sem=1 2 3 4", "--shm-size", "1m",
                "--read-only", "--tmpfs", "/t:size=64k", "--security-opt", "seccomp=strict", "--add-host",
                "here:10.9.8.7", "--cpuset", "0", "--io-read-bps", "10m", "busybox", "sh", "-c", script,
            ])
            let lines = text.split(whereSeparator: \.isNewline).map(String.init)
            #expect(status == 0 && lines.count == 7, "\(text)")
            #expect(lines.first == "77" && text.contains("1\t2\t3\t4") && text.contains("256 4096"), "\(text)")
            #expect(text.contains("refused") && text.contains("size=64k") && text.contains("Seccomp:\t2"), "\(text)")
            #expect(text.contains("10.9.8.7"), "\(text)")
            let (refused, _) = try await cluster.run(["task", "run", "--sysctl", "kernel.panic=1", "busybox", "true"])
            #expect(refused != 0)
        }
    }
}
