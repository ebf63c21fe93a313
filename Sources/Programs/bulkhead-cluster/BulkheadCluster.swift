import ArgumentParser
import AuditOutput
import CommandOutput
import Diagnostics
import LinuxKernel

/// The protocol has flags too.
typealias Flag = ArgumentParser.Flag

/// The program behind `bulkhead master`, `agent`, `local`, `task` and the rest of the cluster's commands.
struct BulkheadCluster: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bulkhead", abstract: "The cluster's commands.",
        discussion: """
            Options may also come from the environment (BULKHEAD_MASTER_PORT) and from a file: --config FILE, usually \
            /etc/bulkhead/bulkhead.yaml. --show-config prints what a command would use, and where it comes from.
            """, version: ProgramVersion.text,
        subcommands: [
            Local.self, MasterCommand.self, AgentGroup.self, TaskCommand.self, FrameworkGroup.self, QuotaGroup.self,
            WeightsGroup.self, Reserve.self, Unreserve.self, VolumeGroup.self, MaintenanceGroup.self, StateCommand.self,
            Simulate.self, AuditGroup.self, CompletionCommand.self, ManualCommand.self,
        ], helpNames: .long)

    /// Runs one command line and gives the exit status.
    static func run(_ line: ArgumentLine) async -> Int32 {
        do {
            let configured = try ConfiguredLine(line)
            if let shown = configured.shown {
                try Console.write(shown)
                return 0
            }
            var command = try line.parsed(configured.arguments, below: Self.self)
            if var command = command as? any AsyncParsableCommand {
                try await ShownFlags.$current.withValue(ShownFlags.flags(configured.settings)) {
                    try await command.run()
                }
            } else {
                try command.run()
            }
            return 0
        } catch let status as TaskStatus {
            return status.code
        } catch let status as AuditStatus {
            return status.code
        } catch {
            let status = RefusalReport(Self.self, line).status(of: error)
            // An audit that was refused has observed nothing.
            return status != 0 && line.command.first == "audit" ? AuditStatus.unobserved : status
        }
    }
}

/// Where the process begins: on one thread, so that what is set here holds for every thread there will be.
@main
enum Program {
    /// What the heap of an agent gives back at once, in bytes, and how many heaps its threads share (decision 0095).
    private static let largePiece: Int32 = 1 << 20, heapsMax: Int32 = 2

    static func main() {
        CurrentProcess.fillStandardStreams()
        SignalQueue.ignoreBrokenPipes()
        let line = ArgumentLine(Array(CommandLine.arguments.dropFirst()), .cluster)
        if [["agent"], ["agent", "start"], ["local"]].contains(line.command) {
            CurrentProcess.boundHeap(large: largePiece, heaps: heapsMax)
        }
        do throws(KernelError) { try leaveSignals(to: line.command) } catch {
            Console.note("bulkhead: \(error)")
            CurrentProcess.exit(ErrorReport.ownStatus)
        }
        let status = Monitor<Int32?>(nil)
        Task.detached {
            let ended = await BulkheadCluster.run(line)
            status.withLock { $0 = ended }
        }
        CurrentProcess.exit(status.waitFor { $0 })
    }

    /// Signals that a command takes one by one must not reach any thread before it does.
    private static func leaveSignals(to command: [String]) throws(KernelError) {
        switch command {
        case ["task", "run"]: _ = try SignalQueue(SignalStream.forwarded + [SignalNumber.windowChange])
        case ["task", "exec"], ["task", "attach"]: _ = try SignalQueue([SignalNumber.windowChange])
        case ["local"], ["master"], ["agent"], ["agent", "start"]:
            _ = try SignalQueue([SignalNumber.interrupt, SignalNumber.terminate])
        default: break
        }
    }
}

extension ArgumentGrammar {
    static let cluster = ArgumentGrammar(
        groups: ["task", "agent", "framework", "quota", "weights", "volume", "maintenance", "audit"],
        passing: ["task run", "task exec"], globalOptions: ["--output", "--master", "--credentials", "--config"],
        switches: ["--help", "--version", "--rm", "--detach", "--interactive", "--tty", "--read-only", "--show-config"],
        shortSwitches: ["d", "i", "t"],
        shortOptions: [
            "task run": ["e", "h", "l", "m", "p", "u", "v", "w"], "task exec": ["e", "u"], "task kill": ["s"],
        ])
}
