import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import MasterCore

/// What an event costs the master's core in a cluster of some size: `master-benchmark [agents] [frameworks]`.
struct Benchmark {
    var core: MasterCore
    var now = Instant(seconds: 1_000_000)
    var timers: [TimerID: Instant] = [:]
    var streams: [FrameworkID: StreamID] = [:]
    var names: [LinkID: AgentID] = [:]
    var offers: [OfferID: Offer] = [:]
    var launched: [(link: LinkID, spec: TaskSpec, framework: FrameworkID)] = []
    var events = 0
    private var lastCall: UInt64 = 0

    init() {
        let master = MasterInfo(id: "m", address: NetworkAddress(hostname: "m", port: 5050), version: "1.12.0")
        core = MasterCore(MasterConfiguration(master: master), registry: .empty)
        take(.started)
    }

    mutating func take(_ event: MasterCore.Event) {
        var queue = [event]
        while let next = queue.popLast() {
            events += 1
            for effect in core.handle(next, at: now) { absorb(effect, &queue) }
        }
    }

    private mutating func absorb(_ effect: MasterCore.Effect, _ queue: inout [MasterCore.Event]) {
        switch effect {
        case .persist(_, let ticket): queue.append(.stored(ticket))
        case .setTimer(let timer, let at): timers[timer] = at
        case .cancelTimer(let timer): timers[timer] = nil
        case .publish(let stream, .subscribed(let id, _, _), _): streams[id] = stream
        case .publish(_, .offers(let new), _): for offer in new { offers[offer.id] = offer }
        case .publish(_, .rescind(let offer), _): offers[offer] = nil
        case .send(let link, .registered(let id, _, _)): names[link] = id
        case .send(let link, .runTask(let spec, let framework, _)): launched.append((link, spec, framework.id))
        default: break
        }
    }

    mutating func pass(_ duration: Duration) {
        let end = now + duration
        let due = timers.filter { $0.value <= end }.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        for (timer, at) in due where timers[timer] != nil {
            timers[timer] = nil
            now = max(now, at)
            take(.timer(timer))
        }
        now = end
    }

    mutating func call(_ framework: FrameworkID, _ action: SchedulerCall.Action) {
        lastCall += 1
        take(
            .scheduler(
                CallID(lastCall), stream: streams[framework], principal: nil,
                SchedulerCall(framework: framework, action)))
    }

    mutating func subscribe(_ name: String) throws(Failure) {
        lastCall += 1
        let info = FrameworkInfo(
            id: try FrameworkID("unset"), name: name, roles: [try RoleName(name)], failoverTimeout: .seconds(60))
        let subscription = Subscription(framework: FrameworkRequest(info, isNew: true))
        take(
            .scheduler(
                CallID(lastCall), stream: nil, principal: nil,
                SchedulerCall(framework: nil, .subscribe(subscription))))
    }

    /// Runs `body` and says what an event in it cost.
    mutating func measure(_ what: String, _ body: (inout Benchmark) throws(Failure) -> Void) throws(Failure) {
        let before = events
        let clock = ContinuousClock()
        let start = clock.now
        try body(&self)
        let took = start.duration(to: clock.now)
        let count = max(1, events - before)
        let whole = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        let line = "\(what): \(Int(whole * 1_000)) ms, \(count) events, \(Int(whole * 1e6 / Double(count))) us each"
        print(line)
    }
}

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let agentCount = arguments.first ?? 10_000
let frameworkCount = arguments.count > 1 ? arguments[1] : 1_000
var benchmark = Benchmark()
let text = "cpus:16;mem:65536;disk:100000;ports:[31000-32000]"
let resources = Array(try Resources(parsing: text))

try benchmark.measure("subscribe \(frameworkCount) frameworks") { (world) throws(Failure) in
    for number in 0..<frameworkCount { try world.subscribe("f\(number)") }
}
try benchmark.measure("register \(agentCount) agents") { (world) throws(Failure) in
    for number in 0..<agentCount {
        let registration = AgentRegistration(
            address: NetworkAddress(hostname: "a\(number)", port: 5051), resources: resources, totals: resources,
            version: "1.0", bootID: "b")
        world.take(.agent(LinkID(UInt64(number + 1)), principal: nil, .register(registration)))
        if number % 100 == 99 { world.pass(.milliseconds(20)) }
    }
    world.pass(.seconds(1))
}
print("\(benchmark.offers.count) offers")
try benchmark.measure("launch two tasks with each offer") { (world) throws(Failure) in
    let all = world.offers.values.sorted { $0.id < $1.id }
    world.offers = [:]
    for offer in all {
        var tasks: [TaskSpec] = []
        for part in ["x", "y"] {
            tasks.append(
                TaskSpec(
                    id: try TaskID("\(offer.id.text)-\(part)"), name: part, agent: offer.agent,
                    resources: Array(try Resources(parsing: "cpus:1;mem:1024")),
                    runner: .command(CommandSpec(.shell("sleep 1")))))
        }
        world.call(
            offer.framework,
            .accept(
                offers: [offer.id], operations: [OfferOperation(.launch(tasks))],
                filter: OfferFilter(refuseFor: .seconds(600))))
    }
}
print("\(benchmark.launched.count) tasks")
for state in [TaskState.running, .finished] {
    try benchmark.measure("\(state.rawValue) and acknowledged, each task") { (world) throws(Failure) in
        for (number, task) in world.launched.enumerated() {
            let update = UpdateID(high: state == .running ? 1 : 2, low: UInt64(number))
            world.take(
                .agent(
                    task.link, principal: nil,
                    .status(
                        StatusUpdate(
                            framework: task.framework, task: task.spec.id, state: state, source: .executor,
                            agent: task.spec.agent, at: world.now, id: update), latest: state)))
            world.call(task.framework, .acknowledge(update, task: task.spec.id, agent: task.spec.agent))
        }
    }
}
try benchmark.measure("15 seconds of pings, heartbeats and offers") { (world) throws(Failure) in
    for _ in 0..<15 {
        world.pass(.seconds(1))
        for link in world.names.keys.sorted() where Int(link.number) % 15 == 0 {
            world.take(.agent(link, principal: nil, .pong))
        }
    }
}
try benchmark.measure("decline every offer") { (world) throws(Failure) in
    for offer in world.offers.values.sorted(by: { $0.id < $1.id }) {
        world.call(offer.framework, .decline(offers: [offer.id], filter: OfferFilter(refuseFor: .seconds(60))))
    }
}
try benchmark.measure("the links of a tenth of the agents end") { (world) throws(Failure) in
    for link in world.names.keys.sorted().prefix(agentCount / 10) { world.take(.linkClosed(link)) }
}
try benchmark.measure("which become unreachable") { (world) throws(Failure) in
    for _ in 0..<6 {
        world.pass(.seconds(15))
        for link in world.names.keys.sorted().dropFirst(agentCount / 10) {
            world.take(.agent(link, principal: nil, .pong))
        }
    }
}
