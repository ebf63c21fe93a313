import AgentService
import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Run an agent: it runs tasks on this machine for a master.",
        discussion: """
            Needs root. Registers with the master, offers what the machine has, and runs tasks as isolated containers \
            that outlive it: an agent started again takes them over.

            Examples:
              bulkhead agent --master http://10.0.0.1:5050
              bulkhead agent --master https://a:5050,https://b:5050 --master-credentials a.json --attributes rack:r1
            """)

    @Option(help: .init("Masters, with commas between them; the leading one is found.", valueName: "URLs"))
    var master: String
    @Option(help: .init("Who this agent is to the master: {\"principal\", \"secret\"}.", valueName: "file"))
    var masterCredentials: String?
    @Option(help: .init("Authority that signs the master's certificate, PEM (usual: the system's).", valueName: "file"))
    var masterCa: String?
    @Option(help: .init("Certificate shown to the master, PEM; with --master-ca.", valueName: "file"))
    var masterCertificate: String?
    @Option(help: .init("Key of that certificate, PEM.", valueName: "file"))
    var masterKey: String?
    @Option(help: "Port; 0 takes one that is free.")
    var port: UInt16 = 5051
    @OptionGroup(title: "Listening") var listen: ListenOptions
    @OptionGroup(title: "Machine") var machine: MachineOptions
    @OptionGroup(title: "Tasks") var agent: AgentOptions
    @OptionGroup(title: "Everywhere") var logging: LoggingOptions

    func run() async throws {
        try listen.checkExposure()
        let daemon = try DaemonRun(logging)
        let masters = try MasterList.parse(master)
        var access = MasterAccess(tls: masterCa.map { ClientTLS(authority: $0) })
        access.tls?.certificates = masterCertificate
        access.tls?.key = masterKey
        if let masterCredentials { access.credentials = try MasterAccess.credentials(file: masterCredentials) }
        let running = try await AgentWatch.start(
            AgentDaemon(
                listen: listen, port: port, machine: machine, agent: agent, masters: masters, masterAccess: access,
                name: "agent"), daemon.logger)
        Console.note("bulkhead: agent at \(await running.address) for \(masters.joined(separator: ", "))")
        try await daemon.untilAsked(givingBackEvery: DaemonRun.tidying)
        try await running.stop()
    }
}
