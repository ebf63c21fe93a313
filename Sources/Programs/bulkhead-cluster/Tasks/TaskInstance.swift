import ClusterModel
import Diagnostics

/// One of the tasks of a `task run`.
struct TaskInstance: Sendable {
    let request: TaskRequest
    let output: InstanceOutput
    /// Where it was launched; nil: no offer has fitted yet.
    var agent: AgentID?
    var container: ContainerPath?
    var isRunning = false
    /// Passes on what it says.
    var streaming: Task<Failure?, Never>?
    var outcome: TaskOutcome?

    init(_ request: TaskRequest, output: InstanceOutput) {
        self.request = request
        self.output = output
    }

    var isWaiting: Bool { agent == nil && outcome == nil }
    var isUnderWay: Bool { agent != nil && outcome == nil }

    /// Whom a sentence is about: nobody needs to be told of an only one.
    func sentence(among count: Int) -> String? {
        outcome?.sentence.map { count == 1 ? $0 : "\(request.name): \($0)" }
    }
}

/// Tasks placed onto the offers of one moment. Pure.
struct PlacedTasks {
    struct Use {
        var offer: Offer
        var launches: [(task: TaskID, resources: [Resource])] = []
        fileprivate var left: Resources
    }
    private(set) var uses: [Use]
    /// Those that found no room.
    private(set) var waiting: [TaskRequest] = []

    /// Each goes to the agent with the most room left, where it is least in the way.
    init(_ requests: [TaskRequest], on offers: [Offer]) {
        uses = offers.map { Use(offer: $0, left: Resources($0.resources)) }
        for request in requests {
            var best: (index: Int, resources: [Resource])?
            for index in uses.indices {
                var offer = uses[index].offer
                offer.resources = Array(uses[index].left)
                guard let resources = request.placement.resources(of: offer) else { continue }
                if let there = best, uses[there.index].room >= uses[index].room { continue }
                best = (index, resources)
            }
            guard let best else {
                waiting.append(request)
                continue
            }
            uses[best.index].launches.append((request.id, best.resources))
            uses[best.index].left -= Resources(best.resources)
        }
    }
}

extension PlacedTasks.Use {
    fileprivate var room: Scalar { left.amount(of: "mem") }
}
