import Containers
import Diagnostics
import HostProbe
import LinuxKernel
import NativeContainerizer
import Testing

/// A store, a state directory and a busybox root file system of this test's own, and the runtime over them.
///
/// Everything is below one scratch directory, on a real file system, so tests run side by side and leave nothing.
final class TestHost: Sendable {
    static let busybox = "/bin/busybox"
    let places: Places
    let containerizer: NativeContainerizer
    let layer: String
    /// The directory everything of this host is in.
    let scratch: String

    /// `base`: a directory on the file system to be tested on. `namespacePool`: of how many containers namespaces are
    /// made ahead; every suite can be run so.
    init(
        base: String = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp",
        namespacePool: Int = ProcessEnvironment.value("BULKHEAD_TEST_NAMESPACE_POOL").flatMap { Int($0) } ?? 0
    ) throws {
        scratch = "\(base)/bulkhead-test-\(String(KernelRandom.number(), radix: 36))"
        places = Places(volatile: scratch + "/run", store: scratch + "/store")
        layer = scratch + "/store/layers/busybox"
        containerizer = NativeContainerizer(
            places: places, launcherPath: Self.launcherPath, host: HostProbe.abilities(store: scratch),
            namespacePool: namespacePool)
        try Directories.makeAll(scratch, mode: 0o711)
        try containerizer.records.prepare()
        try Self.makeRoot(at: layer)
    }

    static var launcherPath: String {
        ProcessEnvironment.value("BULKHEAD_LAUNCHER")
            ?? "\(#filePath.components(before: "/Tests/"))/.build/launcher/bulkhead-launch"
    }

    /// A small root: busybox, its links, a root and a user account, and places for what the runtime mounts.
    static func makeRoot(at path: String) throws {
        for directory in ["bin", "etc", "tmp", "root", "home", "var", "usr", "dev", "proc", "sys"] {
            try Directories.makeAll("\(path)/\(directory)", mode: 0o755)
        }
        let root = try OwnedDescriptor.open(RawPath(path), [.directory])
        let program = try OwnedDescriptor.open(RawPath(busybox)).readAll(limit: 8 << 20)
        try root.open("bin/busybox", [.writeOnly, .create], mode: 0o755).write(program)
        for applet in [
            "sh", "true", "false", "cat", "echo", "id", "ls", "mount", "sleep", "ps", "touch", "mkdir", "rm", "dd",
            "hostname", "env", "stty", "tty", "kill", "wc", "head", "grep", "sed", "awk", "unshare", "mknod", "mkfifo",
            "ping",
            "stat",
            "ip", "nc", "yes", "seq", "test", "printf", "umount", "chroot", "chown", "chmod", "su", "setsid", "date",
            "sort",
            "readlink", "df", "tail", "cut", "tr", "find", "xargs", "cp", "mv", "ln", "pwd", "uname", "which", "nproc",
            "free",
            "timeout", "usleep", "od", "md5sum", "sha256sum", "swapon", "reboot", "insmod", "dmesg", "pivot_root",
        ] {
            try root.makeLink(RawPath("bin/" + applet), to: "busybox")
        }
        try root.open("etc/passwd", [.writeOnly, .create], mode: 0o644).write(
            "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home:/bin/sh\n")
        try root.open("etc/group", [.writeOnly, .create], mode: 0o644).write("root:x:0:\nuser:x:1000:\n")
        try root.changeMode(of: "tmp", 0o1777)
    }

    deinit {
        do {
            try containerizer.namespaces?.end()
            for status in try containerizer.list() { try containerizer.remove(status.record.request.id, force: true) }
            try TreeRemoval.remove(scratch)
        } catch {
            Issue.record("cleaning up \(scratch): \(error)")
        }
    }

    func request(
        _ arguments: [String], _ change: (inout ContainerRequest) -> Void = { _ in }
    ) -> ContainerRequest {
        let id = ContainerID(number: KernelRandom.number())
        var request = ContainerRequest(
            id: id, name: id.text, image: ImageIdentity(reference: "busybox", digest: "sha256:0"),
            process: ProcessRequest(
                arguments: arguments, environment: ["PATH=/bin", "HOME=/root"], workingDirectory: "/"))
        request.isolation.capabilities = CapabilitySet.rootDefault.rawValue
        change(&request)
        return request
    }

    struct Outcome: Sendable {
        var exit: ContainerExit
        var output: String
        var error: String
    }

    /// Runs a container to its end and gives what it said. It is removed at its end.
    func run(_ arguments: [String], _ change: (inout ContainerRequest) -> Void = { _ in }) throws -> Outcome {
        let request = request(arguments) {
            $0.removeAtEnd = true
            change(&$0)
        }
        let (readers, running) = try startReading(request)
        let drained = try Drain(readers)
        let exit = try containerizer.wait(for: request.id, running: running)
        let (said, complained) = drained.finish()
        return Outcome(exit: exit, output: said, error: complained)
    }

    /// The write ends are gone when this returns, so the pipes end with the container.
    private func startReading(_ request: ContainerRequest) throws -> ([OwnedDescriptor], RunningContainer) {
        let output = try OwnedDescriptor.pipe()
        let error = try OwnedDescriptor.pipe()
        let running = try containerizer.launch(
            request, layers: [layer], attachment: Attachment(streams: [1: output.write, 2: error.write]))
        return ([output.read, error.read], running)
    }

    /// A process in a running container, to its end.
    func exec(
        _ id: ContainerID, _ arguments: [String], by other: NativeContainerizer? = nil,
        _ change: (inout ProcessRequest) -> Void = { _ in }
    ) throws -> (code: Int32, output: String, error: String) {
        var process = ProcessRequest(arguments: arguments, environment: ["PATH=/bin"])
        change(&process)
        let (readers, joined) = try joinReading(id, process, by: other ?? containerizer)
        let drained = try Drain(readers)
        let code = try joined.wait()
        let (said, complained) = drained.finish()
        return (code, said, complained)
    }

    private func joinReading(
        _ id: ContainerID, _ process: ProcessRequest, by containerizer: NativeContainerizer
    ) throws -> ([OwnedDescriptor], JoinedProcess) {
        let output = try OwnedDescriptor.pipe()
        let error = try OwnedDescriptor.pipe()
        let joined = try containerizer.exec(
            id, process, attachment: Attachment(streams: [1: output.write, 2: error.write]))
        return ([output.read, error.read], joined)
    }

    /// A shell command in a container.
    func shell(_ script: String, _ change: (inout ContainerRequest) -> Void = { _ in }) throws -> Outcome {
        try run(["/bin/sh", "-c", script], change)
    }

    /// A container that goes on running, with nobody reading its output.
    func detached(_ arguments: [String], _ change: (inout ContainerRequest) -> Void = { _ in }) throws
        -> RunningContainer
    {
        try containerizer.launch(request(arguments, change), layers: [layer], attachment: Attachment())
    }
}

extension String {
    func components(before marker: String) -> String {
        guard let range = firstRange(of: marker) else { return self }
        return String(self[..<range.lowerBound])
    }
}
