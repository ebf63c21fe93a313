import ArgumentParser
import ClusterAPI
import ClusterModel
import CommandOutput
import Determinism
import Diagnostics
import LinuxKernel

struct MaintenanceGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance", abstract: ClusterCommand.maintenance.abstract,
        discussion: """
            A machine is HOST, or HOST/ADDRESS as its agent registered. Scheduled machines are offered less and their \
            frameworks asked to leave; started ones are out of the cluster until stopped.

            Examples:
              bulkhead maintenance schedule --in 30m --for 2h rack7.example.org
              bulkhead maintenance start rack7.example.org
              bulkhead maintenance stop rack7.example.org
            """,
        subcommands: [
            MaintenanceStatusCommand.self, MaintenancePlan.self, MaintenanceCancel.self, MaintenanceStart.self,
            MaintenanceStop.self,
        ], defaultSubcommand: MaintenanceStatusCommand.self)
}

/// Machines as people name them.
enum Machines {
    static func parse(_ words: [String], agents: [AgentView]) throws(Failure) -> [MachineID] {
        var machines: [MachineID] = []
        for word in words {
            let parts = word.cut(at: "/", omittingEmptySubsequences: false).map(String.init)
            guard (1...2).contains(parts.count), !parts[0].isEmpty else {
                throw .flag("machine", word, cause: "it names no machine", remedy: "write HOST or HOST/ADDRESS")
            }
            // Master and agent must mean the same machine: both parts, as the agent has them.
            let known = agents.first { $0.info.address.hostname == parts[0] }?.info.address
            machines.append(MachineID(hostname: parts[0], address: parts.count == 2 ? parts[1] : known?.address))
        }
        return machines
    }

    static func text(_ machine: MachineID) -> String {
        [machine.hostname, machine.address].compactMap { $0 }.joined(separator: "/")
    }
}

struct MaintenancePlan: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "Plan to take machines down, beside what is planned already.",
        discussion: """
            Examples:
              bulkhead maintenance schedule --in 30m --for 2h rack7.example.org
              bulkhead maintenance schedule rack7.example.org/10.0.0.7 rack8.example.org/10.0.0.8
            """)

    @Option(name: .customLong("in"), help: .init("Time until they go down.", valueName: "time"))
    var start = "0s"
    @Option(name: .customLong("for"), help: .init("How long they are away; for ever unless given.", valueName: "time"))
    var duration: String?
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Machines: HOST or HOST/ADDRESS.") var machines: [String]

    func run() async throws {
        let client = try global.client()
        let named = try Machines.parse(machines, agents: try await client.agents().agents)
        let now = Instant(nanoseconds: Int64(HostFacts.wallClock() * 1e9))
        let away = Unavailability(
            start: now + (try TimeSpan.parse(start, flag: "in")),
            duration: try duration.map { text throws(Failure) in try TimeSpan.parse(text, flag: "for") })
        var schedule = try await client.maintenanceSchedule()
        schedule.windows.append(MaintenanceWindow(machines: named, unavailability: away))
        try await client.change(.updateMaintenanceSchedule(schedule))
        try global.done(named.map(Machines.text).joined(separator: "\n"))
    }
}

struct MaintenanceCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Take machines out of the plan.",
        discussion: """
            Example:
              bulkhead maintenance cancel rack7.example.org
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Machines: HOST or HOST/ADDRESS.") var machines: [String]

    func run() async throws {
        let client = try global.client()
        let named = Set(try Machines.parse(machines, agents: try await client.agents().agents))
        var schedule = try await client.maintenanceSchedule()
        for index in schedule.windows.indices { schedule.windows[index].machines.removeAll { named.contains($0) } }
        schedule.windows.removeAll { $0.machines.isEmpty }
        try await client.change(.updateMaintenanceSchedule(schedule))
        try global.done(named.sorted().map(Machines.text).joined(separator: "\n"))
    }
}

struct MaintenanceStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Take planned machines down: their agents leave the cluster.",
        discussion: """
            Example:
              bulkhead maintenance start rack7.example.org
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Machines: HOST or HOST/ADDRESS.") var machines: [String]

    func run() async throws {
        let client = try global.client()
        let named = try Machines.parse(machines, agents: try await client.agents().agents)
        try await client.change(.startMaintenance(named))
        try global.done(named.map(Machines.text).joined(separator: "\n"))
    }
}

struct MaintenanceStop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Bring machines back, and take them out of the plan.",
        discussion: """
            Example:
              bulkhead maintenance stop rack7.example.org
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Machines: HOST or HOST/ADDRESS.") var machines: [String]

    func run() async throws {
        let client = try global.client()
        // Their agents are gone while they are down: the master's own list knows both parts of their names.
        let down = try await client.maintenanceStatus().down
        let named = try machines.map { word throws(Failure) -> MachineID in
            if let known = down.first(where: { Machines.text($0) == word || $0.hostname == word }) { return known }
            return try Machines.parse([word], agents: [])[0]
        }
        try await client.change(.stopMaintenance(named))
        try global.done(named.map(Machines.text).joined(separator: "\n"))
    }
}

struct MaintenanceStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show machines that are or will be away.",
        discussion: """
            Example:
              bulkhead maintenance status --output json
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions

    private struct Document: Encodable {
        var machine: String
        var state: String
        var from: String?
        var seconds: Double?
        var accepted: Int
        var declined: Int
    }

    func run() async throws {
        let client = try global.client()
        let status = try await client.maintenanceStatus()
        let windows = try await client.maintenanceSchedule().windows
        var documents = status.draining.map { entry in
            document(entry.machine, "draining", windows, entry.answers)
        }
        documents += status.down.map { document($0, "down", windows, []) }
        try global.show(documents) {
            var table = TextTable(headings: ["MACHINE", "STATE", "FROM", "SECONDS", "ACCEPTED", "DECLINED"])
            for document in documents {
                table.rows.append([
                    document.machine, document.state, document.from ?? "-",
                    document.seconds.map { "\(Int($0))" } ?? "-", "\(document.accepted)", "\(document.declined)",
                ])
            }
            return table.text
        }
    }

    private func document(
        _ machine: MachineID, _ state: String, _ windows: [MaintenanceWindow], _ answers: [MaintenanceStatus.Answer]
    ) -> Document {
        let away = windows.first { $0.machines.contains(machine) }?.unavailability
        return Document(
            machine: Machines.text(machine), state: state,
            from: away.map { Timestamp.text($0.start.seconds, digits: 0) },
            seconds: away?.duration.map { Double($0.saturatingNanoseconds) / 1e9 },
            accepted: answers.filter { $0.word == .accepted }.count,
            declined: answers.filter { $0.word == .declined }.count)
    }
}
