import Diagnostics
import Glibc
import HostileArchives
import LinuxKernel
import Testing

@testable import LayerUnpacking

/// The walls, seen from outside while the unpacker waits for its input.
@Suite("the unpacker's confinement") struct ConfinementTests {
    private let sandbox: Sandbox
    private let layer: OwnedDescriptor
    private let lower: OwnedDescriptor

    init() throws {
        sandbox = try Sandbox()
        layer = try sandbox.makeDirectory("layer")
        lower = try sandbox.makeDirectory("lower")
    }

    /// Runs `look` while an unpacker is ready to read, then gives it `archive`.
    private func whileWaiting(
        _ task: [String] = ["layer", "--lowers", "1"], feeding archive: [UInt8] = TarBuilder().ended(),
        _ look: (Int32) throws -> Void
    ) throws -> Unpacker.Outcome {
        let (input, feed) = try OwnedDescriptor.pipe()
        let (child, results) = try Unpacker.launch(task, input: input, target: layer, lowers: [lower])
        var threads = 0
        try Deadline(seconds: 120).wait("the unpacker to confine itself") {
            do {
                let fields = try Unpacker.statusFields(of: child.id)
                threads = Int(fields["Threads"] ?? "") ?? 0
                return fields["Seccomp"] == "2" && threads == 2
            } catch {
                return false
            }
        }
        try look(child.id)
        try feed.write(archive)
        return try finish(child, results, consume feed)
    }

    private func finish(
        _ child: ProcessHandle, _ results: OwnedDescriptor, _ feed: consuming OwnedDescriptor
    ) throws -> Unpacker.Outcome {
        _ = consume feed
        return try Unpacker.collect(child, output: results, since: HostFacts.monotonicClock(), timeout: 60)
    }

    @Test("before the first byte it has its own namespaces, few capabilities, a filter and no way to get more")
    func walls() throws {
        let outcome = try whileWaiting { child in
            let fields = try Unpacker.statusFields(of: child)
            #expect(fields["NoNewPrivs"] == "1")
            // CHOWN DAC_OVERRIDE FOWNER FSETID SYS_ADMIN SETFCAP
            for set in ["CapPrm", "CapEff", "CapBnd"] { #expect(fields[set] == "000000008020001b", "\(set)") }
            for set in ["CapInh", "CapAmb"] { #expect(fields[set] == "0000000000000000", "\(set)") }
            for namespace in ["mnt", "net", "ipc", "uts", "cgroup"] {
                let its = HostFacts.linkTarget("/proc/\(child)/ns/\(namespace)")
                #expect(its != nil && its != HostFacts.linkTarget("/proc/self/ns/\(namespace)"), "\(namespace)")
            }
            let limits = try TextFile.read("/proc/\(child)/limits")
            #expect(limits.contains(#/Max core file size +0 +0/#))
            #expect(limits.contains(#/Max open files +2048 +2048/#))
            #expect(limits.contains(#/Max data size +56623104 +56623104/#))
        }
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
    }

    @Test("it sees an empty root, and its directories are mounts of their own that run and follow nothing")
    func root() throws {
        let outcome = try whileWaiting { child in
            let root = try OwnedDescriptor.open(RawPath("/proc/\(child)/root"), [.directory])
            #expect(try root.entries().isEmpty)
            #expect(try root.filesystemType() == Mounts.superblockMagicTmpfs)
            #expect(throws: KernelError.self) { try root.makeDirectory("x", mode: 0o700) }
            let mounts = try TextFile.read("/proc/\(child)/mountinfo").split(separator: "\n")
            #expect(mounts.count == 1, "\(mounts)")
            let descriptors = try OwnedDescriptor.open(RawPath("/proc/\(child)/fd"), [.directory]).entries()
            var writable = 0
            for entry in descriptors {
                let path = RawPath("/proc/\(child)/fd/\(entry.name)")
                let file = try OwnedDescriptor.open(path, [.path])
                guard try file.status().kind == .directory else { continue }
                // Above the root of its mount there is nothing.
                let above = try OwnedDescriptor.open(RawPath("/proc/\(child)/fd/\(entry.name)/.."), [.path])
                #expect(try above.status().inode == file.status().inode)
                if try file.isWritableMount() { writable += 1 }
            }
            #expect(writable == 1, "the layer, not what is below it")
        }
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
    }

    @Test("it has its input, its results and its directories open, whatever it was started with")
    func descriptors() throws {
        let outcome = try whileWaiting { child in
            let directory = try OwnedDescriptor.open(RawPath("/proc/\(child)/fd"), [.directory])
            var kinds: [FileStatus.Kind] = []
            for entry in try directory.entries() {
                let path = RawPath("/proc/\(child)/fd/\(entry.name)")
                kinds.append(try OwnedDescriptor.open(path, [.path]).status().kind)
            }
            #expect(kinds.filter { $0 == .directory }.count == 2)
            #expect(kinds.count <= 7)
        }
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
    }

    @Test("ingest is confined in the same way")
    func ingest() throws {
        let outcome = try whileWaiting(["ingest"]) { child in
            let root = try OwnedDescriptor.open(RawPath("/proc/\(child)/root"), [.directory])
            #expect(try root.entries().isEmpty)
        }
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
    }

    @Test("it ends when whoever started it is gone")
    func orphan() throws {
        let (input, feed) = try OwnedDescriptor.pipe()
        let child = try launchAndForget(consume input)
        // Without a reader of its results it ends while there still is input.
        let block = [UInt8](repeating: 0, count: 1 << 20)
        let ignored = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, ignored) }
        var ended = false
        for _ in 0..<200 where !ended {
            do throws(KernelError) { try feed.write(block) } catch {
                #expect(error.errno == Errno.brokenPipe)
                ended = true
            }
        }
        #expect(ended)
        #expect(try child.waitForEnd(milliseconds: 120_000))
        _ = try child.reap()
    }

    /// Takes the reading end of `input` along, and the results' with it.
    private func launchAndForget(_ input: consuming OwnedDescriptor) throws -> ProcessHandle {
        try Unpacker.launch(["layer"], input: input, target: layer).child
    }

    @Test("a command line it does not understand is refused before anything is read", arguments: [
        ["unknown"], ["layer", "--digest"], ["layer", "--digest", "md5:00"], ["layer", "--lowers", "-1"],
        ["layer", "--max-bytes", "many"], ["layer", "--other", "1"], ["ingest", "--lowers", "100000"],
    ])
    func arguments(_ arguments: [String]) throws {
        #expect(throws: Failure.self) { try UnpackOrder(arguments) }
        let outcome = try Unpacker.run(arguments, input: try sandbox.makeFile("empty", []), target: layer)
        #expect(outcome.exitStatus == 1)
        #expect(outcome.refusal != nil, "\(outcome.last)")
    }

    @Test("without the right to make namespaces nothing is read")
    func failsClosed() throws {
        // A user without privileges: the program starts, and refuses.
        let (read, write) = try OwnedDescriptor.pipe()
        let program = try Unpacker.program()
        let child = try start(["/usr/bin/setpriv", "--bounding-set", "-all", program, "layer"], consume write)
        let outcome = try Unpacker.collect(child, output: read, since: HostFacts.monotonicClock(), timeout: 60)
        #expect(outcome.exitStatus == 1)
        #expect(outcome.refusal == "layer.confinement", "\(outcome.last)")
        #expect(try layer.entries().isEmpty)
    }

    private func start(_ command: [String], _ results: consuming OwnedDescriptor) throws -> ProcessHandle {
        var tar = TarBuilder()
        tar.add("file", text: "must not be read")
        let given: [OwnedDescriptor?] = [
            try sandbox.makeFile("layer.tar", tar.ended()), nil, try OwnedDescriptor.standardStream(2), layer, results,
        ]
        return try ToolProcess.start(command[0], Array(command.dropFirst()), descriptors: given)
    }
}

extension OwnedDescriptor {
    /// ST_RDONLY of fstatvfs(3) is not set.
    fileprivate func isWritableMount() throws -> Bool {
        var facts = statvfs()
        try #require(fstatvfs(number, &facts) == 0)
        return facts.f_flag & UInt(ST_RDONLY) == 0
    }
}
