import Containers
import Diagnostics
import LinuxKernel
import Testing

/// How one attempt of the hostile probe ended.
enum Verdict: Hashable, Sendable, CustomStringConvertible {
    case open
    case blocked(String)

    /// The end of a line the probe prints: `open`, `blocked 1`, `blocked SIGNAL 31`.
    init?(_ words: ArraySlice<Substring>) {
        switch (words.first, words.count) {
        case ("open", 1): self = .open
        case ("blocked", 2): self = .blocked(words.last.flatMap { Int32($0) }.map(ErrnoName.of) ?? "?")
        case ("blocked", 3): self = .blocked("SIGNAL \(words.last ?? "?")")
        default: return nil
        }
    }

    var description: String {
        switch self {
        case .open: "open"
        case .blocked(let by): by
        }
    }

    static func parse(_ text: String) -> [String: Verdict] {
        var result: [String: Verdict] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if let name = words.first, let verdict = Verdict(words.dropFirst()) { result[String(name)] = verdict }
        }
        return result
    }
}

/// The program of Tests/Probe, which `make probe` builds.
enum Probe {
    static let program = "/bin/bulkhead-probe"

    static var path: String {
        ProcessEnvironment.value("BULKHEAD_PROBE")
            ?? "\(#filePath.components(before: "/Tests/"))/.build/probe/bulkhead-probe"
    }

    /// Runs attempts without a container, in namespaces that spare this host.
    static func control(_ names: [String]) throws -> [String: Verdict] {
        let (process, output) = try start(["control"] + names)
        let text = String(decoding: try output.readAll(limit: 1 << 20), as: UTF8.self)
        #expect(try process.reap() == .exited(0))
        return Verdict.parse(text)
    }

    /// The write end is gone when this returns, so the pipe ends with the program.
    private static func start(_ arguments: [String]) throws -> (ProcessHandle, OwnedDescriptor) {
        let (read, write) = try OwnedDescriptor.pipe()
        return (try ToolProcess.start(path, arguments, descriptors: [nil, write, nil]), read)
    }
}

extension TestHost {
    /// A host whose image has the probe, and device nodes smuggled in by its layer.
    static func withProbe() throws -> TestHost {
        let host = try TestHost()
        let program = try OwnedDescriptor.open(RawPath(Probe.path)).readAll(limit: 8 << 20)
        let root = try OwnedDescriptor.open(RawPath(host.layer), [.directory])
        try root.open("bin/bulkhead-probe", [.writeOnly, .create], mode: 0o755).write(program)
        try root.makeDirectory("smuggled", mode: 0o755)
        for (name, minor) in [("smuggled/null", UInt32(3)), ("smuggled/kmsg", 11)] {
            try root.makeNode(RawPath(name), kind: .character, mode: 0o666, major: 1, minor: minor)
            try root.changeMode(of: RawPath(name), 0o666)
        }
        return host
    }

    /// Every attempt of the probe in one container.
    func probeAll(_ change: (inout ContainerRequest) -> Void = { _ in }) throws -> [String: Verdict] {
        let outcome = try run([Probe.program, "all"], change)
        #expect(outcome.exit.code == 0, "\(outcome.error)")
        return Verdict.parse(outcome.output)
    }
}
