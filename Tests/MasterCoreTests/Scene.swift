import Allocation
import Authorization
import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import MasterCore
import Testing

/// A master on a stage: events go in one by one, and what it says to each stays to be looked at. Time moves when the
/// test says so. The registry stores at once unless `storesAtOnce` is false.
struct Scene {
    var core: MasterCore
    var now = Instant(seconds: 1_000_000)
    var registry: RegistrySnapshot
    var storesAtOnce = true
    var unstored: [(ticket: Ticket, changes: [RegistryChange])] = []
    var timers: [TimerID: Instant] = [:]
    var answers: [CallID: CallAnswer] = [:]
    var streamOfCall: [CallID: StreamID] = [:]
    var events: [StreamID: [SchedulerEvent]] = [:]
    var closedStreams: Set<StreamID> = []
    var messages: [LinkID: [MasterMessage]] = [:]
    var closedLinks: Set<LinkID> = []
    var announcements: [OperatorEvent] = []
    var introduced: [StreamID: StateView] = [:]
    var notes: [Note] = []
    var hasSteppedDown = false
    /// Everything, in order.
    var effects: [MasterCore.Effect] = []
    private var lastCall: UInt64 = 0
    private var lastLink: UInt64 = 0

    static let master = MasterInfo(
        id: "m1", address: NetworkAddress(hostname: "master", address: "10.0.0.1", port: 5050), version: "1.12.0")

    init(
        registry: RegistrySnapshot = .empty, at start: Instant = Instant(seconds: 1_000_000),
        master: MasterInfo = Scene.master, _ configure: (inout MasterConfiguration) -> Void = { _ in }
    ) {
        var configuration = MasterConfiguration(master: master)
        configure(&configuration)
        self.registry = registry
        now = start
        core = MasterCore(configuration, registry: registry)
        take(.started)
        // Somebody watches.
        take(.operator(nextCall(), principal: nil, .subscribe))
    }

    // MARK: Turning the crank

    mutating func take(_ event: MasterCore.Event) {
        absorb(core.handle(event, at: now))
        while storesAtOnce, !unstored.isEmpty { storeNext() }
    }

    mutating func storeNext() {
        let (ticket, changes) = unstored.removeFirst()
        for change in changes { registry.apply(change) }
        absorb(core.handle(.stored(ticket), at: now))
    }

    mutating func storeAll() {
        while !unstored.isEmpty { storeNext() }
    }

    private mutating func absorb(_ new: [MasterCore.Effect]) {
        for effect in new {
            effects.append(effect)
            checkStored(effect)
            switch effect {
            case .persist(let changes, let ticket): unstored.append((ticket, changes))
            case .openStream(let call, let stream): streamOfCall[call] = stream
            case .answer(let call, let answer):
                #expect(answers[call] == nil, "\(call) is answered twice")
                answers[call] = answer
            case .publish(let stream, let event, _):
                #expect(!closedStreams.contains(stream), "\(event) on a closed stream")
                events[stream, default: []].append(event)
            case .introduce(let stream, let principal): introduced[stream] = core.stateView(by: principal)
            case .announce(let event): announcements.append(event)
            case .closeStream(let stream): closedStreams.insert(stream)
            case .send(let link, let message):
                #expect(!closedLinks.contains(link), "\(message) on a closed link")
                messages[link, default: []].append(message)
            case .closeLink(let link): closedLinks.insert(link)
            case .setTimer(let timer, let instant): timers[timer] = instant
            case .cancelTimer(let timer): timers[timer] = nil
            case .note(let note): notes.append(note)
            case .stepDown: hasSteppedDown = true
            }
        }
    }

    /// Nobody hears of an agent or a framework, and nothing ends for good, before the registry has it.
    private func checkStored(_ effect: MasterCore.Effect) {
        switch effect {
        case .send(_, .registered(let id, _, _)):
            #expect(registry.agents[id]?.standing == .registered, "\(id) heard it too early")
        case .publish(_, .subscribed(let id, _, _), _):
            let entry = registry.frameworks[id]
            #expect(entry != nil && entry?.removed == nil, "\(id) heard it too early")
        case .send(_, .shutdownFramework(let id)):
            #expect(registry.frameworks[id]?.removed != nil, "\(id) was ended too early")
        case .publish(_, .agentLost(let id), _):
            if registry.agents[id]?.standing == .registered { Issue.record("\(id) was given up too early") }
        default: break
        }
    }

    /// Lets time pass; every timer fires at its moment.
    mutating func pass(_ duration: Duration) {
        let end = now + duration
        while let next = timers.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }), next.value <= end {
            timers[next.key] = nil
            now = max(now, next.value)
            take(.timer(next.key))
        }
        now = end
    }

    /// Long enough for the allocator to run again, too short for anything else.
    mutating func settle() { pass(.milliseconds(1_100)) }

    mutating func nextCall() -> CallID {
        lastCall += 1
        return CallID(lastCall)
    }

    mutating func nextLink() -> LinkID {
        lastLink += 1
        return LinkID(lastLink)
    }

    /// A new master over what the registry has by now.
    func successor(
        _ id: String = "m2", after pause: Duration = .seconds(5),
        _ configure: (inout MasterConfiguration) -> Void = { _ in }
    ) -> Scene {
        var info = Scene.master
        info.id = id
        return Scene(registry: registry, at: now + pause, master: info, configure)
    }
}

/// For ids that tests write down themselves.
func id<Kind: IdentifierKind>(_ text: String) -> Identifier<Kind> {
    do { return try Identifier(text) } catch { preconditionFailure("\(error)") }
}

func resources(_ text: String) -> [Resource] {
    do { return Array(try Resources(parsing: text)) } catch { preconditionFailure("\(error)") }
}

func role(_ text: String) -> RoleName {
    do { return try RoleName(text) } catch { preconditionFailure("\(error)") }
}
