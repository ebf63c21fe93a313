import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

struct MasterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "master",
        abstract: "Run a master: it offers the agents' resources to frameworks.",
        discussion: """
            Keeps agents, frameworks, quota and maintenance in a registry below --work-dir, and starts again where it \
            left off. One master per registry.

            Examples:
              bulkhead master
              bulkhead master --ip 0.0.0.0 --credentials /etc/bulkhead/credentials.json --authorization rules.json
            """)

    @Option(help: "Port; 0 takes one that is free.")
    var port: UInt16 = 5050
    @Option(help: "Directory of the registry.")
    var workDir = "/var/lib/bulkhead/master"
    @OptionGroup(title: "Listening") var listen: ListenOptions
    @OptionGroup(title: "Cluster") var options: MasterOptions
    @OptionGroup(title: "Everywhere") var logging: LoggingOptions

    func run() async throws {
        try listen.checkExposure()
        let daemon = try DaemonRun(logging)
        try options.allowDescriptors(daemon.logger)
        let leader = try await MasterDaemon(
            listen: listen, port: port, options: options,
            registry: HostPath.absolute(workDir, in: CurrentProcess.directory())
        ).start(daemon)
        Console.note("bulkhead: master at \(leader.address)")
        try await daemon.untilAsked()
        await leader.stop()
    }
}
