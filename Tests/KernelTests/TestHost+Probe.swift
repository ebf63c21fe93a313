import Containers
import LaunchPlanning
import LinuxKernel
import NativeContainerizer
import ProbeFormat
import Testing

/// The program of Sources/Probe, which `make probe` builds.
enum Probe {
    static let program = "/bin/bulkhead-probe"

    static var path: String {
        ProcessEnvironment.value("BULKHEAD_PROBE")
            ?? "\(#filePath.components(before: "/Tests/"))/.build/probe/bulkhead-probe"
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

    /// Every attempt of the probe in one container, judged.
    func probe(_ change: (inout ContainerRequest) -> Void = { _ in }) throws -> EscapeResult {
        let outcome = try run([Probe.program, "all"], change)
        #expect(outcome.exit.code == 0, "\(outcome.exit) \(outcome.error)")
        return try EscapeResult(try ProbeOutput(outcome.output), filter: try filter(of: request(["x"], change)))
    }

    /// The same by a command that joins a running container.
    func probe(in container: ContainerRequest, by containerizer: NativeContainerizer) throws -> EscapeResult {
        let outcome = try exec(container.id, [Probe.program, "all"], by: containerizer)
        #expect(outcome.code == 0, "\(outcome.error)")
        return try EscapeResult(try ProbeOutput(outcome.output), filter: try filter(of: container))
    }

    private func filter(of request: ContainerRequest) throws -> ProbedFilter {
        let plan = try containerizer.plan(request, layers: [layer], hasReader: true)
        for planned in plan.steps {
            if case .installFilter(_, let program) = planned.step { return ProbedFilter(program: program.bytes) }
        }
        return ProbedFilter(program: [])
    }
}
