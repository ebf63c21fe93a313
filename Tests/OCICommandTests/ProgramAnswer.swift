import LinuxKernel

/// What a program said, when it has ended.
struct ProgramAnswer {
    /// -1 when a signal ended it.
    var status: Int32
    var output: String
    var errors: String

    static func of(
        _ program: String, _ arguments: [String], environment: [String], passing descriptors: [OwnedDescriptor] = []
    ) throws -> ProgramAnswer {
        let output = try OwnedDescriptor.memoryFile("output")
        let errors = try OwnedDescriptor.memoryFile("errors")
        let process = try ToolProcess.start(
            program, arguments, environment: environment, descriptors: [nil, output, errors] + descriptors)
        let end = try process.reap()
        try output.seek(to: 0)
        try errors.seek(to: 0)
        let status: Int32 = if case .exited(let status) = end { status } else { -1 }
        return ProgramAnswer(
            status: status, output: String(decoding: try output.readAll(limit: 1 << 20), as: UTF8.self),
            errors: String(decoding: try errors.readAll(limit: 1 << 20), as: UTF8.self))
    }
}
