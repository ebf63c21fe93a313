import ArgumentParser
import ClusterAPI
import ClusterModel
import CommandOutput
import Diagnostics

struct Reserve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reserve", abstract: ClusterCommand.reserve.abstract,
        discussion: """
            Only what nobody uses can be reserved.

            Examples:
              bulkhead reserve S0 'cpus:2;mem:4096' --role eng
              bulkhead reserve S0 'disk:10240' --role eng
            """)

    @Option(help: .init("Role the resources are kept for.", valueName: "role"))
    var role: String
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent.") var agent: String
    @Argument(help: "Resources, such as 'cpus:2;mem:4096;ports:[31000-31010]'.") var resources: String

    func run() async throws {
        let client = try global.client()
        let found = try Naming.agent(agent, in: try await client.agents())
        let reservation = Reservation(.requested, for: try RoleName(role), principal: global.principal(client))
        let wanted = try Resources(parsing: resources).reserving(reservation)
        try await client.change(.apply(.reserve(Array(wanted)), on: found.info.id))
        try global.done(wanted.description)
    }
}

struct Unreserve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unreserve", abstract: ClusterCommand.unreserve.abstract,
        discussion: """
            Only dynamic reservations, and of those only what nobody uses.

            Example:
              bulkhead unreserve S0 'cpus:2;mem:4096' --role eng
            """)

    @Option(help: .init("Role the resources are kept for.", valueName: "role"))
    var role: String
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent.") var agent: String
    @Argument(help: "Resources, such as 'cpus:2;mem:4096'.") var resources: String

    func run() async throws {
        let client = try global.client()
        let found = try Naming.agent(agent, in: try await client.agents())
        let wanted = try Resource.parse(resources)
        let parts = try ReservedParts(of: found, for: try RoleName(role)).parts(wanted)
        try await client.change(.apply(.unreserve(parts), on: found.info.id))
        try global.done(Resources(parts).description)
    }
}

/// What of an agent is reserved for a role by request, to take parts of it. The parts must say exactly how they were
/// reserved, which people need not.
struct ReservedParts {
    private let agent: AgentView
    private let role: RoleName
    private let there: [Resource]

    init(of agent: AgentView, for role: RoleName) {
        self.agent = agent
        self.role = role
        there = agent.total.filter {
            $0.reservedFor == role && $0.reservations.last?.origin == .requested && !$0.isPersistentVolume
        }
    }

    func parts(_ wanted: [Resource]) throws(Failure) -> [Resource] {
        var parts: [Resource] = []
        for resource in wanted {
            guard let kind = there.first(where: { $0.name == resource.name && $0.value.contains(resource.value) })
            else {
                throw Failure(
                    "reservation.not-found", doing: "find the reservation", on: resource.description,
                    cause: "\(agent.info.address.hostname) has no such reservation for \(role)",
                    remedy: "see 'bulkhead agent inspect \(agent.info.id)'")
            }
            var part = kind
            part.value = resource.value
            parts.append(part)
        }
        return parts
    }

    /// The persistent volume of that name.
    func volume(_ id: VolumeID) throws(Failure) -> Resource {
        let found = agent.total.first { $0.reservedFor == role && $0.disk?.persistence?.id == id }
        guard let found else {
            throw Failure(
                "volume.not-found", doing: "find the volume", on: id.text,
                cause: "\(agent.info.address.hostname) has none of this name for \(role)",
                remedy: "see 'bulkhead agent inspect \(agent.info.id)'")
        }
        return found
    }
}

struct VolumeGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "volume", abstract: ClusterCommand.volume.abstract,
        discussion: """
            A volume outlives the tasks that use it.

            Examples:
              bulkhead volume create S0 db --role eng --size 10g
              bulkhead volume destroy S0 db --role eng
            """, subcommands: [VolumeCreate.self, VolumeDestroy.self])
}

struct VolumeCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a persistent volume of disk that is reserved for a role.",
        discussion: """
            Example:
              bulkhead volume create S0 db --role eng --size 10g --path data
            """)

    @Option(help: .init("Role the disk is reserved for.", valueName: "role"))
    var role: String
    @Option(help: .init("Its size, such as 10g.", valueName: "size"))
    var size: String
    @Option(help: .init("Where it appears in containers; its name in the sandbox unless given.", valueName: "path"))
    var path: String?
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent.") var agent: String
    @Argument(help: "The volume's name.") var name: String

    func run() async throws {
        let client = try global.client()
        let found = try Naming.agent(agent, in: try await client.agents())
        let bytes = try ByteSize.parse(size, flag: "size")
        let wanted = Resource("disk", .scalar(Scalar(Int((bytes + (1 << 20) - 1) >> 20))))
        var parts = try ReservedParts(of: found, for: try RoleName(role)).parts([wanted])
        for index in parts.indices {
            parts[index].disk = Disk(
                source: parts[index].disk?.source,
                persistence: Disk.Persistence(id: try VolumeID(name), principal: global.principal(client)),
                volume: Disk.Volume(containerPath: path ?? name))
        }
        try await client.change(.apply(.create(volumes: parts), on: found.info.id))
        try global.done(name)
    }
}

struct VolumeDestroy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "destroy", abstract: "Remove a persistent volume and everything in it.",
        discussion: """
            Example:
              bulkhead volume destroy S0 db --role eng
            """, aliases: ["rm"])

    @Option(help: .init("Role the disk is reserved for.", valueName: "role"))
    var role: String
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The agent.") var agent: String
    @Argument(help: "The volume's name.") var name: String

    func run() async throws {
        let client = try global.client()
        let found = try Naming.agent(agent, in: try await client.agents())
        let volume = try ReservedParts(of: found, for: try RoleName(role)).volume(try VolumeID(name))
        try await client.change(.apply(.destroy(volumes: [volume]), on: found.info.id))
        try global.done(name)
    }
}
