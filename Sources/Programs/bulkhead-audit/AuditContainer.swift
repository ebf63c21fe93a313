import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Observation

struct AuditContainer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "container", abstract: "Audit running containers: what was declared against what the kernel says.",
        discussion: """
            Every process and thread of the container is looked at, its filter is read back and asked about every \
            call. Containers of podman, Docker and others, and plain processes, are named by the id of a process.

            Examples:
              bulkhead audit container web
              bulkhead audit container --pid 4711 --profile pss-restricted
              bulkhead audit container --all --format html --output audit.html
            """)

    @Argument(help: "Names or ids of containers of ours.") var containers: [String] = []
    @Option(help: .init("A process of a container that somebody else started, or any process.", valueName: "id"))
    var pid: [Int32] = []
    @Flag(help: "Every container on this host, whoever started it.") var all = false
    @OptionGroup var report: ReportOptions
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        guard !containers.isEmpty || !pid.isEmpty || all else {
            throw Failure(
                "usage.invalid", doing: "understand the command line", cause: "no container is named",
                remedy: "name one, or give --pid or --all")
        }
        let found = try Surveyor(places).observe(containers, processes: pid, all: all)
        let findings = found.flatMap { AuditCatalogue.findings(about: $0, profile: report.profile) }
        try report.conclude(try report.report(found.map(\.subject), findings))
    }
}
