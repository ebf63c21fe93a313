public import ArgumentParser
public import AuditFormat
import CommandOutput
public import Diagnostics
import LinuxKernel

extension AuditProfile: ExpressibleByArgument {}
extension Severity: ExpressibleByArgument {}
extension ReportFormat: ExpressibleByArgument {}

/// Ends a program with what an audit came to.
public struct AuditStatus: Error {
    public static let clean: Int32 = 0
    public static let findings: Int32 = 1
    /// Something could not be observed, or the command was refused.
    public static let unobserved: Int32 = 2

    public var code: Int32
    public init(code: Int32) { self.code = code }
}

/// What every command that makes a report takes.
public struct ReportOptions: ParsableArguments {
    @Option(help: "Which rules are asked: default, cis-docker-5, pss-baseline, pss-restricted or nist-800-190.")
    public var profile = AuditProfile.standard
    @Option(help: "How the report is shown: table, json, sarif, ocsf, junit, html or prometheus.")
    public var format = ReportFormat.table
    @Option(help: .init("Write the report into a file instead of the terminal.", valueName: "file"))
    public var output: String?
    @Option(help: "The severity from which findings make the exit status 1: info, low, medium, high or critical.")
    public var failOn = Severity.low

    public init() {}

    /// A report of `subjects` made now on this host.
    public func report(_ subjects: [Subject], _ findings: [Finding]) throws(Failure) -> AuditReport {
        let boot: String
        do throws(KernelError) { boot = try ProcessFacts.bootID() } catch {
            throw error.failure("audit.unobserved", doing: "identify this host")
        }
        return AuditReport(
            tool: AuditReport.Tool(name: "bulkhead-audit", version: ProgramVersion.text),
            host: AuditReport.Host(name: HostFacts.hostName(), kernel: HostFacts.kernelRelease(), bootID: boot),
            time: Int64(HostFacts.wallClock()), profile: profile, subjects: subjects, findings: findings)
    }

    /// Shows the report, and ends with what it came to.
    public func conclude(_ report: AuditReport) throws {
        try write(try report.text(as: format))
        let status = report.exitStatus(failingOn: failOn)
        if status != AuditStatus.clean { throw AuditStatus(code: status) }
    }

    public func write(_ text: String) throws(Failure) {
        guard let output else { return try Console.write(text) }
        let path = HostPath.absolute(output, in: CurrentProcess.directory())
        do throws(KernelError) {
            let file = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create, .truncate], mode: 0o640)
            try file.write(text)
        } catch {
            throw error.failure("audit.unwritable", doing: "write the report", on: path)
        }
    }
}
