import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel
import OCIFormat

/// What `run` and `exec` take about the process they start.
struct ProcessOptions: ParsableArguments {
    @Option(
        name: [.customShort("e", allowingJoined: true), .long], parsing: .unconditionalSingleValue,
        help: .init("NAME=value for the environment; NAME alone passes ours on.", valueName: "name=value"))
    var env: [String] = []

    @Option(parsing: .unconditionalSingleValue, help: .init("A file of such lines.", valueName: "file"))
    var envFile: [String] = []

    @Option(
        name: [.customShort("u", allowingJoined: true), .long], parsing: .unconditional,
        help: .init("User, by name or number, and optionally group.", valueName: "user[:group]"))
    var user: String?

    @Option(
        name: [.customShort("w", allowingJoined: true), .long], parsing: .unconditional,
        help: .init("Directory to start in.", valueName: "directory"))
    var workdir: String?

    @Flag(name: .shortAndLong, help: "Pass our standard input on.")
    var interactive = false

    @Flag(name: .shortAndLong, help: "Give the task a terminal.")
    var tty = false

    func environment() throws(Failure) -> [String] {
        try EnvironmentFlags(
            ours: ProcessEnvironment.value,
            readFile: { path throws(Failure) in
                try HostFile.read(path, flag: "env-file", limit: EnvironmentFlags.fileBytesMax)
            }
        ).entries(env, files: envFile)
    }

    func userSpec() throws(Failure) -> UserSpec? {
        guard let user else { return nil }
        return try UserSpec(parsing: user)
    }

    func workingDirectory() throws(Failure) -> String? {
        guard let workdir else { return nil }
        guard workdir.begins(with: "/"), !workdir.utf8.contains(0) else {
            throw .flag("workdir", workdir, cause: "it is not an absolute path", remedy: "begin it with /")
        }
        return workdir
    }
}

/// Files of the host that flags name.
enum HostFile {
    static func read(_ path: String, flag: String, limit: Int) throws(Failure) -> [UInt8] {
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path)).readAll(limit: limit)
        } catch {
            throw .flag(
                flag, path, cause: error.description, remedy: "give a file that can be read, of at most \(limit) bytes")
        }
    }
}
