import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import CommandOutput
import Diagnostics
import HostProbe
import Observation

struct AuditHost: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host", abstract: "Audit this host: which walls it can put up, and what weakens them.",
        discussion: """
            Examples:
              bulkhead audit host
              bulkhead audit host --fail-on high --format junit --output host.xml
            """)

    @OptionGroup var report: ReportOptions
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        let state = try Self.state(places)
        try report.conclude(
            try report.report([state.subject], AuditCatalogue.findings(about: state, profile: report.profile)))
    }

    static func state(_ places: PlaceOptions) throws(Failure) -> HostState {
        try PlaceOptions.requireRoot()
        let programs = [InstalledProgram.launcher, .unpacker, .cluster, .audit].map(\.place)
        return HostObserver.observe(
            HostProbe.abilities(), programs: programs, store: places.storePath, state: places.statePath)
    }
}
