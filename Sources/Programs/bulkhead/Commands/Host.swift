import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import HostProbe

struct Host: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "host", abstract: "Show what this host is and which walls and limits it can enforce.",
        discussion: """
            A request for what is unavailable is refused, unless it is accepted with --allow-unenforced FEATURE.

            Examples:
              bulkhead host
              bulkhead host --output json | jq .features.memory
            """)

    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    private struct Document: Encodable {
        var host: HostDescription
        var controlGroups: ControlGroupLayout
        var features: [String: Ability]
        var capabilities: [String]
    }

    func run() throws {
        let host = HostDescription.probe()
        let abilities = HostProbe.abilities(store: global.storePath)
        let document = Document(
            host: host, controlGroups: abilities.groups,
            features: Dictionary(uniqueKeysWithValues: Feature.allCases.map { ($0.rawValue, abilities.ability($0)) }),
            capabilities: CapabilitySet(rawValue: abilities.capabilities).names)
        try global.show(document) { Self.description(host, abilities) + "\n" + Self.table(abilities) }
    }

    private static func description(_ host: HostDescription, _ abilities: HostAbilities) -> String {
        let kind =
            switch host.kind {
            case .bareMetal: "bare metal"
            case .virtualMachine: "a virtual machine\(host.hypervisor.map { " (\($0))" } ?? "")"
            case .container: "a container\(host.hypervisor.map { " on \($0)" } ?? "")"
            }
        let groups = abilities.groups
        let controllers =
            groups.controllers.isEmpty ? "no controllers" : groups.controllers.sorted().joined(separator: " ")
        return """
            this host    \(kind)
            kernel       Linux \(host.kernel)
            processors   \(host.processors)
            memory       \(ByteCount.text(host.memoryBytes))
            cgroups      \(groups.kind.rawValue), version 2 at \(groups.mountPoint ?? "no place") with \(controllers)

            """
    }

    private static func table(_ abilities: HostAbilities) -> String {
        var table = TextTable(headings: ["FEATURE", "STATE", "WHY"])
        var remedies: [(text: String, features: [String])] = []
        for feature in Feature.allCases {
            let ability = abilities.ability(feature)
            table.rows.append([feature.rawValue, ability.state.rawValue, ability.why ?? ""])
            guard let remedy = ability.remedy else { continue }
            if let known = remedies.firstIndex(where: { $0.text == remedy }) {
                remedies[known].features.append(feature.rawValue)
            } else {
                remedies.append((remedy, [feature.rawValue]))
            }
        }
        if remedies.isEmpty { return table.text }
        let lines = remedies.map { "  \($0.features.joined(separator: ", ")): \($0.text)\n" }
        return table.text + "\nWhat would change that:\n" + lines.joined()
    }
}
