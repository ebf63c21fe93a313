import LinuxKernel
import Testing

/// What a program said, when it has ended.
struct ProgramAnswer {
    /// -1 when a signal ended it.
    var status: Int32
    var output: String
    var errors: String

    /// Far more than any takes; podman has a minute's work to load an image on a slow machine.
    private static let milliseconds: Int32 = 300_000

    /// Runs it to its end. One that does not end is killed, and the test fails with what it said; what it has started
    /// itself is not known here, and goes on.
    static func of(
        _ program: String, _ arguments: [String], environment: [String], passing descriptors: [OwnedDescriptor] = []
    ) throws -> ProgramAnswer {
        let output = try OwnedDescriptor.memoryFile("output")
        let errors = try OwnedDescriptor.memoryFile("errors")
        let process = try ToolProcess.start(
            program, arguments, environment: environment, descriptors: [nil, output, errors] + descriptors)
        let hasEnded = try process.waitForEnd(milliseconds: milliseconds)
        if !hasEnded { try process.signal(SignalNumber.kill) }
        let end = try process.reap()
        try output.seek(to: 0)
        try errors.seek(to: 0)
        let status: Int32 = if case .exited(let status) = end { status } else { -1 }
        let answer = ProgramAnswer(
            status: status, output: String(decoding: try output.readAll(limit: 1 << 20), as: UTF8.self),
            errors: String(decoding: try errors.readAll(limit: 1 << 20), as: UTF8.self))
        if !hasEnded { Issue.record("\(program) \(arguments) does not end and was killed: \(answer)") }
        return answer
    }
}
