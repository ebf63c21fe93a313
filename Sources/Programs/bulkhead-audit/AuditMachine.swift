import ArgumentParser
import AuditFormat
import AuditOutput
import Auditing
import CommandOutput
import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer

/// What an agent runs to have its machine looked at: apart from itself, so that nothing of it waits, and so that what
/// reads every process of the machine cannot bring it down.
struct AuditMachine: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine", abstract: "Audit this machine and an agent's tasks, by the agent's order.",
        discussion: """
            The order is JSON on standard input; the report, JSON too, goes to standard output. Agents run this for \
            'bulkhead audit cluster'.

            Example:
              bulkhead audit machine --containers-state /run/bulkhead/agents/agent/native --containers-name agent-native
            """, shouldDisplay: false)

    @Option(help: .init("Where our runtime has the state of the agent's containers.", valueName: "directory"))
    var containersState: String?
    @Option(help: .init("How the store calls the agent.", valueName: "name"))
    var containersName: String?
    @Flag(help: "The agent has containers of other engines as well.")
    var withOthers = false
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        let input: [UInt8]
        do throws(KernelError) {
            input = try OwnedDescriptor.standardStream(0).readAll(limit: AuditOrder.bytesMax)
        } catch {
            throw error.failure("audit.unreadable", doing: "read the agent's order")
        }
        let order = try AuditOrder(json: input)
        let own = containersState.map {
            Places(volatile: $0, store: places.storePath, agent: containersName)
        }
        let surveyor = try Surveyor(places, of: own)
        var subjects: [Subject] = []
        var findings: [Finding] = []
        if order.includesHost {
            let host = try AuditHost.state(places)
            subjects.append(host.subject)
            findings += AuditCatalogue.findings(about: host, profile: order.profile)
        }
        for seen in try surveyor.observe(order, withOthers: withOthers) {
            subjects.append(seen.facts.subject)
            findings += AuditCatalogue.findings(about: seen.facts, profile: order.profile)
            findings.append(ClusterRules.presence(seen.facts.subject, missing: nil))
            findings.append(ClusterRules.acquaintance(seen.facts.subject, isKnown: seen.ordered != nil))
            if let ordered = seen.ordered {
                findings.append(
                    ClusterRules.conformity(seen.facts.subject, declared: ordered.declared, made: seen.made))
            }
        }
        var options = ReportOptions()
        options.profile = order.profile
        let report = try options.report(subjects, findings).subjects { subject in
            guard subject.cluster == nil else { return subject }
            var placed = subject
            placed.cluster = order.place
            return placed
        }
        try Console.write(try report.json())
    }
}
