import Containers
import Diagnostics
import LinuxKernel
import SeccompCompiler
import SeccompFormat
import Testing

@Suite("A recorded profile lets the workload run, and little else", .serialized)
struct RecordingTests {
    private static let workload = """
        for i in 1 2 3; do ls -l / | sort | md5sum > /tmp/$i; done; cat /etc/passwd | grep root
        cd /tmp && cp 1 4 && rm 4; mkdir -p a/b; mv a c; find / -xdev -name passwd; (true & wait); printf '%s\\n' done
        """
    private static let numbers = LibraryNumbering()

    private func record(on host: TestHost) throws -> (recording: CallRecording, output: String) {
        let outcome = try host.run(
            [Probe.program, "record", "/tmp/calls", "/", "/bin/sh", "-c", Self.workload + "\ncat < /dev/null"])
        #expect(outcome.exit.code == 0, "\(outcome.error)")
        let shown = try host.run([
            "/bin/sh", "-c",
            "\(Probe.program) record /tmp/calls / /bin/sh -c \"$0\" > /tmp/said; cat /tmp/calls", Self.workload,
        ])
        return (try CallRecording(shown.output), outcome.output)
    }

    private func profile(_ recording: CallRecording, merging old: SeccompProfile?) throws -> RecordedProfile {
        let bounds = try FilterRequest(
            .standard, capabilities: .rootDefault, kernel: KernelRelease(major: 6, minor: 1)
        ).compiled()
        return try RecordedProfile(
            recording, merging: old, names: { Self.numbers.name(of: $0, on: .native) },
            bounds: { call, arguments throws(Failure) in
                guard case .number(let number) = Self.numbers.number(of: call, on: .native) else { return false }
                return try FilterEvaluator.evaluate(
                    bounds.bytes,
                    FilterEvaluator.Call(
                        architecture: FilterArchitecture.native.auditArchitecture, number: number, arguments: arguments)
                ) == .allow
            })
    }

    @Test("recorded twice and merged, a third run meets no refusal and does the same")
    func workload() throws {
        let host = try TestHost.withProbe()
        let first = try record(on: host)
        let second = try record(on: host)
        let once = try SeccompProfile.decode(
            json: Array(try profile(first.recording, merging: nil).json().utf8), name: "1")
        let json = try profile(second.recording, merging: once).json()
        let filter = try FilterRequest(
            .profile(name: "recorded", json: Array(json.utf8)), capabilities: .rootDefault,
            kernel: KernelRelease(major: 6, minor: 1)
        ).compiled()

        let third = try record(on: host).recording
        for entry in third.entries {
            let answer = try FilterEvaluator.evaluate(
                filter.bytes,
                FilterEvaluator.Call(
                    architecture: FilterArchitecture.native.auditArchitecture, number: entry.number,
                    arguments: entry.arguments))
            #expect(answer == .allow, "\(Self.numbers.name(of: entry.number, on: .native) ?? "\(entry.number)")")
        }
        let outcome = try host.run(["/bin/sh", "-c", Self.workload]) {
            $0.isolation.seccomp = .profile(name: "recorded", json: json)
        }
        #expect(outcome.exit.code == 0, "\(outcome.error)")
        #expect(outcome.output == first.output)

        let seen = Set(third.entries.map(\.number))
        let never = (UInt32(0)..<463).filter { !seen.contains($0) && Self.numbers.name(of: $0, on: .native) != nil }
        let refused = try never.filter {
            let call = FilterEvaluator.Call(architecture: FilterArchitecture.native.auditArchitecture, number: $0)
            return try FilterEvaluator.evaluate(filter.bytes, call) != .allow
        }
        #expect(refused.count * 100 >= never.count * 95, "\(refused.count) of \(never.count)")
    }

    @Test("a task's live filter is read back as the very program its request asks for")
    func readBack() throws {
        let host = try TestHost.withProbe()
        let running = try host.detached([Probe.program, "hold"]) { $0.isolation.hasInit = false }
        let plan = try host.containerizer.plan(running.record.request, layers: [host.layer], hasReader: false)
        var planned: [UInt8] = []
        for step in plan.steps { if case .installFilter(_, let program) = step.step { planned = program.bytes } }
        #expect(!planned.isEmpty)
        let process = try #require(try host.containerizer.status(of: running.record.request.id)?.process)
        let found = try FilterReadback.programs(of: try task(of: process))
        #expect(found == [planned])
    }

    /// The container's only process, or the child of the monitor that waits for it.
    private func task(of process: Int32) throws -> Int32 {
        let children = try TextFile.read("/proc/\(process)/task/\(process)/children")
        return children.split(separator: " ").first.flatMap { Int32($0) } ?? process
    }

    @Test("a process without a filter has none")
    func unfiltered() throws {
        let host = try TestHost.withProbe()
        let running = try host.detached([Probe.program, "hold"]) {
            $0.isolation.seccomp = .unconfined
            $0.isolation.noNewPrivileges = false
        }
        let process = try #require(try host.containerizer.status(of: running.record.request.id)?.process)
        #expect(try FilterReadback.programs(of: try task(of: process)) == [])
    }
}
