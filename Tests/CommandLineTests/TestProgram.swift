import Diagnostics
import HostileArchives
import LinuxKernel
import OCIFormat
import Testing

/// The real program with a store and a state directory of this test's own, both removed at the end.
final class TestProgram: Sendable {
    let scratch: String
    private let program: String
    private let unpacker: String

    struct Outcome {
        var status: Int32
        var output: String
        var error: String
    }

    init() throws {
        program = try Self.built("bulkhead", variable: "BULKHEAD_PROGRAM")
        unpacker = try Self.built("bulkhead-unpack", variable: "BULKHEAD_UNPACK")
        let base = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        scratch = "\(base)/bulkhead-cli-\(String(KernelRandom.number(), radix: 36))"
        try Directories.makeAll(scratch, mode: 0o755)
    }

    deinit {
        do {
            let left = try run("ps", "-aq")
            let ids = left.output.split(separator: "\n").map(String.init)
            if !ids.isEmpty { _ = try run(["rm", "--force"] + ids) }
            try TreeRemoval.remove(scratch)
        } catch {
            Issue.record("cleaning up \(scratch): \(error)")
        }
    }

    /// The program SwiftPM built beside this test bundle, unless the environment names another.
    private static func built(_ name: String, variable: String) throws -> String {
        if let path = ProcessEnvironment.value(variable) { return path }
        let bundles = [HostFacts.linkTarget("/proc/self/exe") ?? ""] + Swift.CommandLine.arguments
        let places = bundles.map { $0.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/" + name }
        return try #require(places.first(where: HostFacts.exists), "\(name) is not built")
    }

    private static var launcher: String {
        ProcessEnvironment.value("BULKHEAD_LAUNCHER") ?? root + "/.build/launcher/bulkhead-launch"
    }

    static var root: String {
        let file = #filePath
        return file.firstRange(of: "/Tests/").map { String(file[..<$0.lowerBound]) } ?? "."
    }

    var environment: [String] {
        [
            "BULKHEAD_STORE=\(scratch)/store", "BULKHEAD_STATE=\(scratch)/state", "BULKHEAD_LAUNCHER=\(Self.launcher)",
            "BULKHEAD_UNPACK=\(unpacker)", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ]
    }

    func run(_ arguments: String..., input: String? = nil) throws -> Outcome { try run(arguments, input: input) }

    /// Runs it to its end.
    func run(_ arguments: [String], input: String? = nil, variables: [String] = []) throws -> Outcome {
        let started = try start(program, arguments, input: input, variables: variables)
        return try started.outcome()
    }

    /// Another program, which finds ours as descriptor 3: `/proc/self/fd/3` can be executed whoever may walk to it.
    func runThrough(_ wrapper: String, _ arguments: [String], input: String? = nil) throws -> Outcome {
        let file = try OwnedDescriptor.open(RawPath(program))
        return try start(wrapper, arguments, input: input, more: [file]).outcome()
    }

    struct Started {
        let process: ProcessHandle
        let files: [OwnedDescriptor]
        /// Far more than any takes on a slow machine.
        private static let milliseconds: Int32 = 300_000

        /// Waits for its end. One that does not end is killed, and the test fails with what it said.
        func outcome() throws -> Outcome {
            if try !process.waitForEnd(milliseconds: Self.milliseconds) {
                let (said, complained) = (try text(0), try text(1))
                Issue.record("the program does not end and is killed; it said '\(said)' and '\(complained)'")
                try process.signal(SignalNumber.kill)
            }
            let status: Int32 =
                switch try process.reap() {
                case .exited(let code): code
                case .signaled(let signal): 128 + signal
                }
            return Outcome(status: status, output: try text(0), error: try text(1))
        }

        /// What was said so far on standard output (0) or standard error (1).
        func text(_ index: Int) throws -> String {
            String(decoding: try files[index].readBytes(1 << 22, at: 0), as: UTF8.self)
        }
    }

    /// Starts our program and does not wait.
    func start(_ arguments: String...) throws -> Started { try start(program, arguments, input: nil) }

    private func start(
        _ path: String, _ arguments: [String], input: String?, variables: [String] = [], more: [OwnedDescriptor] = []
    ) throws -> Started {
        let output = try OwnedDescriptor.memoryFile("output")
        let error = try OwnedDescriptor.memoryFile("error")
        let given: OwnedDescriptor? = try input.map { text in
            let file = try OwnedDescriptor.memoryFile("input")
            try file.write(text)
            try file.seek(to: 0)
            return file
        }
        let descriptors: [OwnedDescriptor?] = [given, output, error] + more
        let process = try ToolProcess.start(
            path, arguments, environment: environment + variables, descriptors: descriptors)
        return Started(process: process, files: [output, error])
    }

    // MARK: An image

    /// Imports a small image, `box:latest`: busybox, two accounts, and an entry point nobody can execute.
    func importImage() throws {
        let outcome = try run("image", "import", try archive())
        try #require(outcome.status == 0, "\(outcome.error)")
    }

    /// The path of a docker-archive of it.
    func archive() throws -> String {
        let path = scratch + "/box.tar"
        let file = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .truncate], mode: 0o644)
        try file.write(try Self.image.get())
        return path
    }

    /// Made once: it is the same for every test.
    private static let image = Result { try makeImage() }

    private static func makeImage() throws -> [UInt8] {
        var layer = TarBuilder()
        let busybox = try OwnedDescriptor.open("/bin/busybox").readAll(limit: 8 << 20)
        for directory in ["bin", "etc", "home", "root", "tmp"] { layer.add(directory + "/", .directory) }
        layer.add("bin/busybox", mode: 0o755, content: busybox)
        for applet in ["sh", "cat", "echo", "env", "id", "pwd", "sleep", "stty", "true", "yes", "kill", "hostname"] {
            layer.add("bin/" + applet, .link, mode: 0o777, link: "busybox")
        }
        layer.add("etc/passwd", text: "root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/home:/bin/sh\n")
        layer.add("etc/group", text: "root:x:0:\nguest:x:1000:\nextra:x:1234:guest\n")
        layer.add("etc/data", text: "not a program\n")
        layer.add("etc/os-release", text: "ID=box\nPRETTY_NAME=\"Box Linux 1\"\n")
        let blob = layer.ended()
        let config = Array(
            (#"{"architecture":"\#(Platform.host.architecture)","os":"linux","config":{"Env":["PATH=/bin","#
                + #""FROM=image"],"Cmd":["sh","-c","echo default"],"Labels":{"origin":"test"}},"#
                + #""rootfs":{"type":"layers","diff_ids":["\#(Digest(of: blob))"]}}"#).utf8)
        let name = Digest(of: config).hex + ".json"
        let layerName = Digest(of: blob).hex + "/layer.tar"
        var tar = TarBuilder()
        tar.add(name, content: config)
        tar.add(layerName, content: blob)
        tar.add("manifest.json", text: #"[{"Config":"\#(name)","RepoTags":["box:latest"],"Layers":["\#(layerName)"]}]"#)
        return tar.ended()
    }
}
