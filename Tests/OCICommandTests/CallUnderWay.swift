import LinuxKernel
import RuntimeSpec
import Testing

@testable import Bundles

/// A command line that runs beside the test.
final class CallUnderWay: Sendable {
    private let answer: Monitor<ProgramAnswer?>
    private let thread: WorkerThread

    init(_ call: @escaping @Sendable () throws -> ProgramAnswer) throws {
        let answer = Monitor<ProgramAnswer?>(nil)
        thread = try WorkerThread {
            do {
                let given = try call()
                answer.withLock { $0 = given }
            } catch { Issue.record("\(error)") }
        }
        self.answer = answer
    }

    var hasEnded: Bool { answer.withLock { $0 != nil } }

    /// To be called once.
    func wait() throws -> ProgramAnswer {
        thread.join()
        let given = answer.withLock { $0 }
        return try #require(given)
    }
}

/// What happens to a container between two steps of whoever makes, starts or removes it.
extension TestBundle {
    /// Seconds that a slow machine has for what takes a moment.
    static let patience = 60.0

    /// Shell scripts by their point; they find the bundle in $PLACE.
    func set(hooks: [(point: String, script: String)]) throws {
        guard case .object(var members) = configuration else { return }
        for (point, script) in hooks {
            Self.set(
                &members, ["hooks", point],
                [
                    [
                        "path": "/bin/sh", "args": ["sh", "-c", .string(script)],
                        "env": [.string("PLACE=\(place)"), "PATH=/usr/bin:/bin"],
                    ]
                ])
        }
        try write(SpecValue.object(members).text, "config.json")
    }

    /// The part of a hook's script that keeps the state it gets, whole or not at all.
    static let keepingState = "cat > $PLACE/hook.new; mv $PLACE/hook.new $PLACE/hook"
    /// The part that waits for the test.
    static let waiting = "until test -e $PLACE/go; do sleep 0.05; done"

    func waitFor(_ name: String) throws {
        try Deadline(seconds: Self.patience).wait(name) { HostFacts.exists("\(place)/\(name)") }
    }

    /// The process that the hook was told of.
    func processOfHook() throws -> Int32 {
        try waitFor("hook")
        let state = try SpecObject(parsing: Array(try read("hook").utf8), document: "the hook's state")
        return try #require(try state.integer("pid", as: Int32.self))
    }

    /// `create`, to be killed by the test.
    func beginCreation() throws -> ProcessHandle {
        let output = try OwnedDescriptor.memoryFile("output")
        return try ToolProcess.start(
            Self.program, ["--root", "\(place)/state", "create", "--bundle", place, Self.id],
            environment: ["BULKHEAD_LAUNCHER=\(Self.launcher)", "PATH=/usr/bin:/bin"],
            descriptors: [nil, output, output])
    }

    /// Its cgroups, by linux.cgroupsPath.
    func groups() throws -> BundleGroups {
        guard case .object(let members) = configuration, case .object(let linux)? = members["linux"],
            case .string(let path)? = linux["cgroupsPath"]
        else { throw KernelError(call: "find linux.cgroupsPath", errno: Errno.invalid) }
        return BundleGroups(hierarchies: try BundleRuntime.hierarchies(), path: path)
    }

    func hasGroups() throws -> Bool { try groups().directories.contains(where: HostFacts.exists) }

    /// Where containers are remembered.
    func states() throws -> OwnedDescriptor { try OwnedDescriptor.open(RawPath("\(place)/state"), [.directory]) }

    /// Whether somebody waits for the lock of this file, proc_locks(5).
    static func isAwaited(_ file: OwnedDescriptor) throws -> Bool {
        let inode = try file.status().inode
        return try TextFile.read("/proc/locks").split(separator: "\n").contains { line in
            line.contains("-> FLOCK") && line.contains(":\(inode) ")
        }
    }
}

extension ProcessHandle {
    /// Whether it comes to its end, a zombie included, and without it being waited for in vain after the test.
    func comesToItsEnd() throws -> Bool {
        let hasEnded = try waitForEnd(milliseconds: Int32(TestBundle.patience * 1_000))
        if !hasEnded { try signal(SignalNumber.kill) }
        return hasEnded
    }
}
