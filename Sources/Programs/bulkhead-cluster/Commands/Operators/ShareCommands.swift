import ArgumentParser
import ClusterAPI
import ClusterModel
import CommandOutput
import Diagnostics

struct QuotaGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: ClusterCommand.quota.abstract,
        discussion: """
            Examples:
              bulkhead quota get
              bulkhead quota set eng --guarantee 'cpus:8;mem:16384' --limit 'cpus:16'
            """, subcommands: [QuotaGet.self, QuotaSet.self, QuotaRemove.self], defaultSubcommand: QuotaGet.self)
}

struct QuotaGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the quota of all roles.",
        discussion: """
            Example:
              bulkhead quota get --output json
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions

    private struct Document: Encodable {
        var role: String
        var guarantees: [String: String]
        var limits: [String: String]
    }

    func run() async throws {
        let documents = try await global.client().quota().configs.map { config in
            Document(
                role: config.role.text, guarantees: Self.text(config.quota.guarantees.amounts),
                limits: Self.text(config.quota.limits.bounds))
        }
        try global.show(documents) {
            var table = TextTable(headings: ["ROLE", "GUARANTEE", "LIMIT"])
            for document in documents {
                table.rows.append([document.role, Self.line(document.guarantees), Self.line(document.limits)])
            }
            return table.text
        }
    }

    private static func text(_ amounts: [Quantities.Amount]) -> [String: String] {
        amounts.reduce(into: [:]) { $0[$1.name] = $1.scalar.description }
    }

    private static func line(_ amounts: [String: String]) -> String {
        amounts.isEmpty
            ? "-" : amounts.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)" }.joined(separator: ";")
    }
}

struct QuotaSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set what a role is guaranteed and limited to; what is not named is not kept.",
        discussion: """
            Examples:
              bulkhead quota set eng --guarantee 'cpus:8;mem:16384'
              bulkhead quota set eng --limit 'cpus:16' --force
            """)

    @Option(help: .init("What the role is sure to get.", valueName: "amounts"))
    var guarantee: String?
    @Option(help: .init("What the role gets at most.", valueName: "amounts"))
    var limit: String?
    @Flag(help: "Also when more is in use than the limit, or guaranteed than there is.")
    var force = false
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The role, at the top of the tree.") var role: String

    func run() async throws {
        guard guarantee != nil || limit != nil else {
            throw Failure(
                "flag.invalid", doing: "set the quota of", on: role, cause: "there is neither a guarantee nor a limit",
                remedy: "give --guarantee 'cpus:2;mem:1024' or --limit, or use 'bulkhead quota remove'",
                field: "guarantee")
        }
        var quota = Quota()
        for resource in try Self.amounts(guarantee, "guarantee") { quota.guarantees[resource.name] = resource.amount }
        for resource in try Self.amounts(limit, "limit") { quota.limits[resource.name] = resource.amount }
        let name = try RoleName(role)
        try quota.validate(for: name)
        try await global.client().change(.updateQuota([QuotaConfig(name, quota: quota)], isForced: force))
        try global.done(role)
    }

    /// `cpus:8;mem:1024`: amounts only.
    static func amounts(_ text: String?, _ flag: String) throws(Failure) -> [(name: String, amount: Scalar)] {
        guard let text else { return [] }
        var amounts: [(name: String, amount: Scalar)] = []
        for resource in try Resource.parse(text) {
            guard case .scalar(let amount) = resource.value, !resource.isReserved else {
                throw .flag(
                    flag, text, cause: "'\(resource)' is no amount", remedy: "write for example cpus:8;mem:1024")
            }
            amounts.append((resource.name, amount))
        }
        return amounts
    }
}

struct QuotaRemove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Neither guarantee nor limit a role anything.",
        discussion: """
            Example:
              bulkhead quota remove eng
            """, aliases: ["rm"])

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The role.") var role: String

    func run() async throws {
        let config = QuotaConfig(try RoleName(role), quota: .unlimited)
        try await global.client().change(.updateQuota([config], isForced: false))
        try global.done(role)
    }
}

struct WeightsGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weights", abstract: ClusterCommand.weights.abstract,
        discussion: """
            A role of weight 2 gets twice what one of weight 1 gets when both want more than there is.

            Examples:
              bulkhead weights get
              bulkhead weights set eng=2 ops=0.5
            """, subcommands: [WeightsGet.self, WeightsSet.self], defaultSubcommand: WeightsGet.self)
}

struct WeightsGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Show the weights that are set.",
        discussion: """
            Example:
              bulkhead weights get
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions

    private struct Document: Encodable {
        var role: String
        var weight: Double
    }

    func run() async throws {
        let documents = try await global.client().weights().map { Document(role: $0.role.text, weight: $0.weight) }
        try global.show(documents) {
            TextTable(headings: ["ROLE", "WEIGHT"], rows: documents.map { [$0.role, "\($0.weight)"] }).text
        }
    }
}

struct WeightsSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Set the weights of roles.",
        discussion: """
            Example:
              bulkhead weights set eng=2 ops=0.5
            """)

    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "Roles with their weights: role=weight.") var weights: [String]

    func run() async throws {
        let list = try Self.parse(weights)
        try await global.client().change(.updateWeights(list))
        try global.done(list.map(\.role.text).joined(separator: "\n"))
    }

    static func parse(_ words: [String]) throws(Failure) -> [RoleWeight] {
        var list: [RoleWeight] = []
        for word in words {
            let parts = word.cut(at: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let weight = Double(parts[1]), weight > 0, weight.isFinite else {
                throw .flag("weights", word, cause: "it is not ROLE=WEIGHT", remedy: "write for example eng=2")
            }
            list.append(RoleWeight(try RoleName(String(parts[0])), weight: weight))
        }
        return list
    }
}
