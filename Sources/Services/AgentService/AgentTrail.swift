import AgentCore
import Authorization
import ClusterAPI
public import Diagnostics

/// The machine's chained log of what was started, entered and refused. The program brings it.
public protocol AccountKeeper: Sendable {
    /// Of entries with the same event and the same details of the names `distinct`, the first of which says whose they
    /// are, one is written in a while and the others are counted. Without names each is written.
    /// - Throws: when it cannot be written; what it would have accounted for is then not done.
    func append(_ event: String, _ details: [String: String], distinct: [String]) async throws(Failure)
}

/// What of an agent's doings is accounted for here: what the runtime underneath never hears of. Launches, execs and
/// what the runtime refuses it writes itself.
struct AgentTrail: Sendable {
    let parts: AgentParts

    /// A task that policy refused before anything was asked of the runtime.
    func record(_ note: Note) {
        guard note.name == Agent.refusedNote, parts.settings.trail != nil else { return }
        let details = Dictionary(note.details.map { ($0.key, $0.value) }) { first, _ in first }
        Task { await refused(details, distinct: ["framework", "task", "code"]) }
    }

    /// A caller whom the rules do not let do what it asked for.
    func refused(_ call: ContainerCall, _ caller: String?, _ why: String) async {
        let details = [
            "caller": caller ?? "anonymous", "container": "\(call.container)", "call": call.word, "message": why,
        ]
        // Not by the container, of which a caller can name as many as it likes.
        await refused(details, distinct: ["caller", "call"])
    }

    private func refused(_ details: [String: String], distinct: [String]) async {
        do throws(Failure) { try await parts.settings.trail?.append("refusal", details, distinct: distinct) } catch {
            parts.logger.error("a refusal could not be accounted for", metadata: ["cause": "\(error)"])
        }
    }

    /// Whoever enters a container or listens to it, by name, before it is let in.
    func entering(_ call: ContainerCall, _ caller: String?) async throws(Failure) {
        switch call {
        case .launchSession, .attachInput, .attachOutput:
            try await parts.settings.trail?.append(
                call.word, ["caller": caller ?? "anonymous", "container": "\(call.container)"],
                distinct: ["caller", "container"])
        case .launch, .wait, .kill, .remove: break
        }
    }
}

extension ContainerCall {
    /// As the log calls it.
    fileprivate var word: String {
        switch self {
        case .launch: "launch"
        case .launchSession: "session"
        case .wait: "wait"
        case .kill: "kill"
        case .remove: "remove"
        case .attachInput: "attach-input"
        case .attachOutput: "attach-output"
        }
    }
}
