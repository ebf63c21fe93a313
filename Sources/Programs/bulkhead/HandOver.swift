import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

/// The cluster's commands, and those of the audit, live in programs of their own; here they only have names
/// (decision 0060).
enum HandOver {
    static let commands: [any ParsableCommand.Type] = [
        LocalCommand.self, MasterCommand.self, AgentCommand.self, TaskCommand.self, FrameworkCommand.self,
        QuotaCommand.self, WeightsCommand.self, ReserveCommand.self, UnreserveCommand.self, VolumeCommand.self,
        MaintenanceCommand.self, StateCommand.self, SimulateCommand.self,
    ]

    /// Becomes the other program; returns only by throwing.
    static func execute(_ arguments: [String], by sibling: InstalledProgram = .cluster) throws(Failure) {
        let program = try sibling.found()
        do throws(KernelError) {
            try CurrentProcess.become(program, [program] + arguments)
        } catch {
            throw error.failure(
                sibling.missing, doing: "execute", on: program,
                remedy: "install Bulkhead again, or name the program in \(sibling.variable)")
        }
    }
}

/// A name in the help. The hand-over happens before anything is parsed, so `run` is only reached without it.
protocol HandedOverCommand: ParsableCommand {
    static var command: ClusterCommand { get }
}

extension HandedOverCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(commandName: command.rawValue, abstract: command.abstract)
    }
    mutating func run() throws { try HandOver.execute([Self.command.rawValue]) }
}

struct LocalCommand: HandedOverCommand { static var command: ClusterCommand { .local } }
struct MasterCommand: HandedOverCommand { static var command: ClusterCommand { .master } }
struct AgentCommand: HandedOverCommand { static var command: ClusterCommand { .agent } }
struct TaskCommand: HandedOverCommand { static var command: ClusterCommand { .task } }
struct FrameworkCommand: HandedOverCommand { static var command: ClusterCommand { .framework } }
struct QuotaCommand: HandedOverCommand { static var command: ClusterCommand { .quota } }
struct WeightsCommand: HandedOverCommand { static var command: ClusterCommand { .weights } }
struct ReserveCommand: HandedOverCommand { static var command: ClusterCommand { .reserve } }
struct UnreserveCommand: HandedOverCommand { static var command: ClusterCommand { .unreserve } }
struct VolumeCommand: HandedOverCommand { static var command: ClusterCommand { .volume } }
struct MaintenanceCommand: HandedOverCommand { static var command: ClusterCommand { .maintenance } }
struct StateCommand: HandedOverCommand { static var command: ClusterCommand { .state } }
struct SimulateCommand: HandedOverCommand { static var command: ClusterCommand { .simulate } }

struct AuditCommand: ParsableCommand {
    static let name = "audit"
    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Audit this host, images and containers: what isolates them, as the kernel tells it.")
    mutating func run() throws { try HandOver.execute([Self.name], by: .audit) }
}

extension ArgumentLine {
    /// Whether the words are for the audit's program, which takes them as they are.
    var isAudit: Bool {
        if command.first == "completion", flags.count > 2, flags[0] == "words", flags[1] == "--" {
            return flags[2] == AuditCommand.name
        }
        return command.first == AuditCommand.name || (command.first == "help" && flags.first == AuditCommand.name)
    }

    /// `completion words -- task …`: the words are the other program's to complete.
    var completesCluster: Bool {
        guard command.first == "completion", flags.count > 3, flags[0] == "words", flags[1] == "--" else {
            return false
        }
        return ClusterCommand(rawValue: flags[2]) != nil
    }
}

extension ArgumentGrammar {
    /// What this program's own commands look like.
    static let runtime = ArgumentGrammar(
        groups: [
            "image", "network", "task", "agent", "framework", "quota", "weights", "volume", "maintenance", "audit",
        ],
        passing: ["run", "exec"], globalOptions: ["--output", "--store", "--state"],
        switches: [
            "--read-only", "--cdi-skip-hooks", "--init", "--no-init", "--rm", "--detach", "--interactive", "--tty",
            "--explain", "--help", "--version", "--allow-to-host", "--allow-metadata", "--allow-from-containers",
            "--all", "--quiet", "--no-trunc", "--follow", "--timestamps", "--force",
        ],
        shortSwitches: ["d", "i", "t"],
        shortOptions: [
            "run": ["c", "e", "h", "l", "m", "p", "u", "v", "w"], "exec": ["e", "u", "w"], "stop": ["t"],
            "kill": ["s"], "logs": ["n"], "ps": ["f"], "rm": [], "update": ["c", "m"], "image export": ["f"],
            "image import": [], "image ls": [], "image prune": [], "image rm": [],
        ],
        foreign: Set(ClusterCommand.allCases.map(\.rawValue)))
}
