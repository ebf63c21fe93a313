import ClusterModel
import Determinism
import Diagnostics
import Testing

@testable import bulkhead_cluster

@Suite("Several tasks, and keys")
struct SeveralTasksTests {
    private func offer(_ id: String, _ resources: String) throws -> Offer {
        Offer(
            id: try OfferID(id), framework: try FrameworkID("f"), agent: try AgentID(id), role: .anyone,
            address: NetworkAddress(hostname: id, port: 5051), resources: try Resource.parse(resources))
    }

    private func requests(_ count: Int, _ flags: [String] = []) throws -> [TaskRequest] {
        let line = ["task", "run", "--cpus", "1", "--memory", "100m"] + flags + ["image"]
        let run = try #require(try BulkheadCluster.parseAsRoot(line) as? TaskRun)
        return try TaskRequestMaker(
            options: run.options, walls: run.walls, care: run.care, placement: run.placement, ours: { _ in nil })
            .requests(count, image: "image", command: [], name: "job", suffix: "x")
    }

    @Test("each instance has its number in its id, its name and its environment; an only one has none")
    func numbers() throws {
        let several = try requests(2)
        #expect(several.map(\.id.text) == ["job.x.1", "job.x.2"] && several.map(\.name) == ["job-1", "job-2"])
        #expect(several[1].command.environment == [.init("BULKHEAD_INSTANCE", .text("2"))])
        let one = try #require(try requests(1).first)
        #expect(one.id.text == "job.x" && one.command.environment.isEmpty)
    }

    @Test("tasks spread over the agents with most room, as many as fit; the rest waits")
    func placing() throws {
        let placed = PlacedTasks(
            try requests(5), on: [try offer("a", "cpus:8;mem:250"), try offer("b", "cpus:2;mem:400")])
        #expect(placed.uses.map { $0.launches.map(\.task.text) } == [["job.x.3", "job.x.4"], ["job.x.1", "job.x.2"]])
        #expect(placed.waiting.map(\.id.text) == ["job.x.5"])
    }

    @Test("each has a port of its own: one that is named is on an agent once")
    func ports() throws {
        let offers = [try offer("a", "cpus:8;mem:999;ports:[80-82]"), try offer("b", "cpus:8;mem:500;ports:[80-82]")]
        let open = PlacedTasks(try requests(4, ["-p", "9"]), on: offers)
        let taken = open.uses.flatMap { use in
            use.launches.map { "\(use.offer.agent) \(Resources($0.resources).ranges(named: "ports").shown)" }
        }
        #expect(taken == ["a 80", "a 81", "a 82", "b 80"])
        let named = PlacedTasks(try requests(3, ["-p", "81:9"]), on: offers)
        #expect(named.uses.map(\.launches.count) == [1, 1] && named.waiting.map(\.id.text) == ["job.x.3"])
    }

    @Test("what agents say of tasks that begin to run is said once, and nothing of how they go on")
    func remarks() throws {
        func update(
            _ task: String, _ message: String?, _ state: TaskState = .running, _ reason: StatusReason? = nil
        ) throws -> StatusUpdate {
            StatusUpdate(
                framework: try FrameworkID("f"), task: try TaskID(task), state: state, source: .executor,
                reason: reason, message: message, at: .epoch)
        }
        var remarks = RunningRemarks()
        let said = try [
            update("a", "starts", .starting), update("a", nil), update("b", ""), update("b", "without memory"),
            update("b", "without memory"), update("c", "without memory"),
            update("a", "it is well", .running, .taskHealthCheckStatusUpdated), update("d", "without \u{1b}"),
            update("d", "out of memory", .failed),
        ].map { remarks.sentence($0) }
        #expect(said.compactMap(\.self) == ["without memory", "without \\u{1b}"])
        #expect(said[3] == "without memory")
    }

    @Test(
        "keys that leave a terminal are written as Docker's are",
        arguments: [
            ("ctrl-p,ctrl-q", [16, 17] as [UInt8]), ("~,.", [126, 46]), ("", []), ("Ctrl-[", [27]),
        ])
    func keys(_ text: String, _ bytes: [UInt8]) throws {
        #expect(try DetachKeys.parse(text).keys == bytes)
    }

    @Test("what is no key is refused", arguments: ["ctrl-", "ab", "ctrl-1", "a,", "ctrl-pq"])
    func noKeys(_ text: String) {
        #expect(throws: Failure.self) { try DetachKeys.parse(text) }
    }

    @Test(
        "keys go on to the task but for the sequence, wherever a read cuts it",
        arguments: [
            (["ab"], "ab", false), (["a\u{10}", "\u{11}x"], "a", true), (["\u{10}", "b"], "\u{10}b", false),
            (["\u{10}\u{10}\u{11}"], "\u{10}", true), (["\u{10}"], "", false),
        ])
    func sequence(_ reads: [String], _ forwarded: String, _ isComplete: Bool) throws {
        var keys = try DetachKeys.parse(DetachKeys.usual)
        var sent: [UInt8] = []
        var ended = false
        for read in reads {
            let (bytes, isOver) = keys.pass(Array(read.utf8))
            sent += bytes
            ended = ended || isOver
        }
        #expect(String(decoding: sent, as: UTF8.self) == forwarded && ended == isComplete)
    }

    @Test(
        "keys for several tasks, or for one nobody watches, are refused before anything starts",
        arguments: [
            ["-i", "--instances", "2"], ["-t", "-d"], ["--instances", "0"], ["--instances", "1001"],
            ["-t", "--detach-keys", "nonsense"],
        ])
    func refusals(_ flags: [String]) async throws {
        let run = try #require(try BulkheadCluster.parseAsRoot(["task", "run"] + flags + ["image"]) as? TaskRun)
        let failure = await #expect(throws: Failure.self) { try await run.run() }
        #expect(failure?.code == "flag.invalid")
    }
}
