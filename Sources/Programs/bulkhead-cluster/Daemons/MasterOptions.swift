import ArgumentParser
import ClusterModel
import CommandOutput
import Diagnostics
import HTTPServing
import LinuxKernel
import Logging
import MasterCore

/// What a master is told about the cluster it leads.
struct MasterOptions: ParsableArguments {
    @Option(help: "What people call the cluster.")
    var cluster: String?
    @Option(help: .init("Roles there may be beside '*', with commas between them (usual: any).", valueName: "list"))
    var roles: String?
    @Option(help: .init("How long a framework may keep an offer unanswered.", valueName: "time"))
    var offerTimeout = "2m"
    @Option(help: .init("How often freed and refused resources are offered again.", valueName: "time"))
    var allocationInterval = "1s"
    @Option(help: .init("How often an agent is asked whether it lives.", valueName: "time"))
    var agentPing = "15s"
    @Option(help: .init("Pings in a row without an answer that make an agent unreachable.", valueName: "count"))
    var agentPingTimeouts = 5
    @Option(help: .init("At most one agent becomes unreachable in so long; 0: as many as do.", valueName: "time"))
    var agentRemovalInterval = "0"
    @Option(help: .init("How long agents have to come back after a new master leads.", valueName: "time"))
    var agentReturn = "10m"
    @Option(help: .init("Between two heartbeats of an event stream.", valueName: "time"))
    var heartbeat = "15s"

    @Option(help: .init("Open connections of all callers together; an agent has up to two.", valueName: "count"))
    var connections = 25_000
    @Option(help: .init("Open connections of one address.", valueName: "count"))
    var connectionsPerAddress = 5_000

    /// Descriptors beside those of connections: the registry, the log, timers.
    private static let otherDescriptors = 256

    /// Streams of agents, frameworks and watchers are connections too, and bounded as such.
    func server() throws(Failure) -> ServerLimits {
        guard connections > 0, connectionsPerAddress > 0 else {
            throw .flag(
                connections > 0 ? "connections-per-address" : "connections", "0", cause: "nobody could be served",
                remedy: "write 1 or more")
        }
        var limits = ServerLimits()
        // One more than there are descriptors for would not be refused but wait, and be asked for without end.
        limits.connectionsMax = min(connections, max(1, try descriptors(0) - Self.otherDescriptors))
        limits.connectionsPerPeerMax = connectionsPerAddress
        limits.streamsMax = limits.connectionsMax
        return limits
    }

    /// Lets the process have so many descriptors; answers how many it may have now.
    private func descriptors(_ wanted: Int) throws(Failure) -> Int {
        do throws(KernelError) {
            return Int(clamping: try CurrentProcess.allowDescriptors(UInt64(wanted)))
        } catch {
            throw error.failure("host.limits", doing: "have \(connections) connections open")
        }
    }

    /// Lets the process have a descriptor for every connection; says so when it may not. Not for a process that starts
    /// tasks, which would inherit it.
    func allowDescriptors(_ logger: Logger) throws(Failure) {
        let wanted = connections + Self.otherDescriptors
        let allowed = try descriptors(wanted)
        guard allowed < wanted else { return }
        logger.warning(
            "fewer descriptors than connections",
            metadata: [
                "allowed": "\(allowed)", "wanted": "\(wanted)", "remedy": "raise LimitNOFILE",
                "connections": "\(max(1, allowed - Self.otherDescriptors))",
            ])
    }

    /// What is changed of the core's defaults.
    func configuring() throws(Failure) -> @Sendable (inout MasterConfiguration) -> Void {
        let roles = try allowedRoles()
        let offerTimeout = try positive(offerTimeout, "offer-timeout")
        let allocationInterval = try positive(allocationInterval, "allocation-interval")
        let ping = try positive(agentPing, "agent-ping")
        let removal = try TimeSpan.parse(agentRemovalInterval, flag: "agent-removal-interval")
        let agentReturn = try TimeSpan.parse(agentReturn, flag: "agent-return")
        let heartbeat = try positive(heartbeat, "heartbeat")
        let timeouts = agentPingTimeouts
        guard timeouts > 0 else {
            throw .flag(
                "agent-ping-timeouts", "\(timeouts)", cause: "no agent would ever be reachable",
                remedy: "write 1 or more")
        }
        return { configuration in
            configuration.roles = roles
            configuration.offerTimeout = offerTimeout
            configuration.allocationInterval = allocationInterval
            configuration.pingInterval = ping
            configuration.pingTimeouts = timeouts
            configuration.agentRemovalInterval = removal
            configuration.agentReturnWindow = agentReturn
            configuration.heartbeatInterval = heartbeat
        }
    }

    private func allowedRoles() throws(Failure) -> [RoleName]? {
        guard let roles else { return nil }
        var names: [RoleName] = []
        for name in roles.cut(at: ",") { names.append(try RoleName(String(name))) }
        return names
    }

    private func positive(_ text: String, _ flag: String) throws(Failure) -> Duration {
        let span = try TimeSpan.parse(text, flag: flag)
        guard span > .zero else {
            throw .flag(flag, text, cause: "it has to be longer than nothing", remedy: "write for example 30s")
        }
        return span
    }
}
