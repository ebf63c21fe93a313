import AgentService
import AuditFormat
import CommandOutput
import Diagnostics
import LinuxKernel
import Waiting

/// Has `bulkhead-audit` look at this machine: a process of its own, with a time to end in.
struct ChildAuditor: MachineAuditor {
    static let millisecondsMax: Int32 = 120_000
    static let complaintBytesMax = 4 << 10
    var store: String
    var state: String
    /// State and name of the containers that our own runtime makes for the agent; nil: it makes none.
    var native: (state: String, name: String)?
    /// Whether the agent has containers of other engines.
    var hasOthers: Bool

    func report(_ order: AuditOrder) async throws(Failure) -> AuditReport {
        let program = try InstalledProgram.audit.found()
        let input = try order.json()
        let answer = try await ThreadPool.shared.run { () throws(Failure) in try run(program, input) }
        return try AuditReport(json: answer)
    }

    private var arguments: [String] {
        var arguments = ["audit", "machine", "--store", store, "--state", state]
        if let native { arguments += ["--containers-state", native.state, "--containers-name", native.name] }
        return arguments + (hasOthers ? ["--with-others"] : [])
    }

    /// Where programs of ours are, where somebody says so; nothing else of our environment.
    private var environment: [String] {
        [InstalledProgram.launcher, .unpacker, .cluster, .audit, .probe].compactMap { program in
            ProcessEnvironment.value(program.variable).map { "\(program.variable)=\($0)" }
        } + ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    }

    private func run(_ program: String, _ order: [UInt8]) throws(Failure) -> [UInt8] {
        let (answer, complaint): ([UInt8], String?)
        do throws(KernelError) {
            let input = try OwnedDescriptor.memoryFile("order")
            try input.write(order)
            try input.seek(to: 0)
            let (output, complaints) = (
                try OwnedDescriptor.memoryFile("report"), try OwnedDescriptor.memoryFile("complaints")
            )
            let process = try ToolProcess.start(
                program, arguments, environment: environment, descriptors: [input, output, complaints])
            let isDone = try process.waitForEnd(milliseconds: Self.millisecondsMax)
            if !isDone { try process.signal(SignalNumber.kill) }
            let end = try process.reap()
            let said = String(decoding: try complaints.readBytes(Self.complaintBytesMax, at: 0), as: UTF8.self)
            let size = min(try output.status().size, Int64(AuditOrder.bytesMax))
            (answer, complaint) = (
                try output.readBytes(Int(size), at: 0),
                !isDone
                    ? "it took longer than \(Self.millisecondsMax / 1_000) s"
                    : end == .exited(0) ? nil : "it ended with \(end): \(said)"
            )
        } catch {
            throw error.failure("agent.audit-failed", doing: "have this machine audited", on: program, retry: .later)
        }
        guard let complaint else { return answer }
        throw Failure(
            "agent.audit-failed", doing: "have this machine audited", on: program, cause: complaint, retry: .later)
    }
}
