import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel
import NativeContainerizer

struct Version: ParsableCommand {
    static let text = ProgramVersion.text

    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Show the version of Bulkhead and of the kernel.",
        discussion: """
            Example:
              bulkhead version --output json
            """)

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    private struct Document: Encodable {
        var version: String
        var kernel: String
        var machine: String
    }

    func run() throws {
        let document = Document(version: Self.text, kernel: HostFacts.kernelRelease(), machine: HostFacts.machine())
        try global.show(document) {
            "bulkhead \(document.version), Linux \(document.kernel) on \(document.machine)\n"
        }
    }
}

struct Failpoints: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failpoints", abstract: "List the points at which a crash test can end this program.",
        discussion: """
            Set BULKHEAD_FAILPOINT to one of them, and the program ends there as kill -9 would end it.

            Example:
              BULKHEAD_FAILPOINT=launch.spawned bulkhead run busybox true
            """)

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    func run() throws {
        try global.show(Failpoint.names) { Failpoint.names.map { $0 + "\n" }.joined() }
    }
}
