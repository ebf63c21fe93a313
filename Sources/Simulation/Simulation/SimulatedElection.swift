import Determinism

/// Who leads: what a coordination service of several members does, seen from the masters. A candidate has a session,
/// which lasts as long as it renews it in time; the oldest session leads. Where there is one master only, it leads.
///
/// A candidate counts its session's end from when it asked, the service from when it heard, so that a leader stops
/// before another can begin. What a former leader has under way by then, the registry's versions keep out.
final class SimulatedElection {
    static let sessionLength = Duration.seconds(10)
    static let renewalInterval = Duration.seconds(3)
    /// How much earlier than the service a candidate takes its session for over.
    static let margin = Duration.seconds(1)

    private struct Candidate {
        var host: MasterHost
        var session: Int
        var ends: Instant
    }
    /// In the order in which they stood; the first leads.
    private var candidates: [Candidate] = []
    private var elected: Candidate?
    private var sessions = 0
    private let isSole: Bool

    init(masters: Int) { isSole = masters == 1 }

    func newSession() -> Int {
        sessions += 1
        return sessions
    }

    /// Whoever was elected last and has its session; it may not know yet, or not run any more.
    var leader: MasterHost? { elected.flatMap { $0.session == $0.host.session ? $0.host : nil } }

    /// Stands, or renews. Answers until when the candidate may rely on it.
    func renew(_ host: MasterHost, _ world: World) -> Instant {
        let ends = isSole ? Instant.distantFuture : world.now + SimulatedElection.sessionLength
        if let place = candidates.firstIndex(where: { $0.session == host.session }) {
            candidates[place].ends = ends
        } else {
            // Alone, nobody waits for the session of an earlier life.
            if isSole { candidates = [] }
            candidates.append(Candidate(host: host, session: host.session, ends: ends))
        }
        guard !isSole else {
            choose(world)
            return ends
        }
        world.at(ends) { self.expire($0) }
        choose(world)
        electAnother(host, world)
        return ends - SimulatedElection.margin
    }

    /// Planted: the service believes that the leader is gone, and it is not.
    private func electAnother(_ host: MasterHost, _ world: World) {
        guard world.has(.electsTwo) || world.has(.writesUnfenced), world.act == .safety, candidates.count > 1,
            elected?.session != host.session, world.election.chance(1, outOf: 4)
        else { return }
        if let other = candidates.first(where: { $0.session == host.session }) { elect(other, world) }
    }

    /// Whether the session of `host` is there still.
    func has(_ host: MasterHost, at now: Instant) -> Bool {
        candidates.contains { $0.session == host.session && $0.ends > now }
    }

    func resign(_ host: MasterHost, _ world: World) {
        candidates.removeAll { $0.session == host.session }
        choose(world)
    }

    private func expire(_ world: World) {
        for candidate in candidates where candidate.ends <= world.now {
            world.say("the session of master \(candidate.host.index) is over")
            world.count("lost-sessions")
        }
        candidates.removeAll { $0.ends <= world.now }
        choose(world)
    }

    private func choose(_ world: World) {
        if let elected, candidates.contains(where: { $0.session == elected.session }) { return }
        elected = nil
        if let first = candidates.first { elect(first, world) }
    }

    private func elect(_ candidate: Candidate, _ world: World) {
        elected = candidate
        world.after(.milliseconds(1)) { world in
            guard self.elected?.session == candidate.session, candidate.host.session == candidate.session
            else { return }
            candidate.host.elected(world)
        }
        guard !isSole else { return }
        world.say("master \(candidate.host.index) is elected")
        world.count("elections")
        for machine in world.machines {
            world.after(world.delay()) { machine.process?.take(.leaderChanged, $0) }
        }
    }
}
