import SchedulerKit
import Testing

@Suite("A scheduler and its master", .timeLimit(.minutes(5)))
struct SchedulerTests {
    private let wish = ResourceWish(cpus: 1, memory: 64)
    private let command = CommandSpec(.shell("sleep 100"))

    private func scheduler(
        _ master: ScriptedMaster, _ change: (inout FrameworkSettings) -> Void = { _ in }
    ) -> Scheduler {
        var settings = FrameworkSettings(name: "test")
        settings.reconnection.first = .milliseconds(1)
        settings.reconciliation.retryFirst = .milliseconds(5)
        settings.reconciliation.retryMost = .milliseconds(5)
        settings.limits.stopTime = .seconds(120)
        change(&settings)
        return Scheduler(settings, master: master, logger: quiet)
    }

    private func isAcknowledgement(_ action: SchedulerCall.Action) -> Bool {
        if case .acknowledge = action { return true }
        return false
    }

    /// The next event that `pick` knows.
    private func next<Value>(
        _ events: inout FrameworkEvents.Iterator, _ pick: (FrameworkEvent) -> Value?
    ) async throws -> Value {
        while let event = try await events.next() {
            if let value = pick(event) { return value }
        }
        throw ScriptedMaster.gone
    }

    private func offer(_ events: inout FrameworkEvents.Iterator) async throws -> Offer {
        try await next(&events) { if case .offers(let offers) = $0 { offers.first } else { nil } }
    }

    private func state(_ events: inout FrameworkEvents.Iterator) async throws -> TaskState {
        try await next(&events) { if case .update(let update) = $0 { update.state } else { nil } }
    }

    private func launch(
        _ scheduler: Scheduler, _ events: inout FrameworkEvents.Iterator, _ id: TaskID
    ) async throws {
        var use = OfferUse(try await offer(&events))
        let task = use.add(id, wish, command: command)
        #expect(task != nil)
        try await scheduler.accept(use)
    }

    @Test("an update is acknowledged when the next event is asked for, not before")
    func acknowledgement() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:1;mem:64")]) { _ in [.running] }
        let scheduler = scheduler(master)
        var events = scheduler.events.makeAsyncIterator()
        try await launch(scheduler, &events, try TaskID("t"))
        #expect(try await state(&events) == .running)
        #expect(!master.calls.contains { isAcknowledgement($0.action) } && master.unacknowledged.count == 1)
        master.update(try TaskID("t"), .finished)
        #expect(try await state(&events) == .finished)
        await until { master.calls.count { isAcknowledgement($0.action) } == 1 }
        await scheduler.stop()
        #expect(master.calls.count { isAcknowledgement($0.action) } == 2 && master.unacknowledged.isEmpty)
        #expect(!master.isSubscribed)
        #expect(try await events.next() == nil)
    }

    @Test("a program that acknowledges itself does it when it is ready")
    func manual() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:1;mem:64")]) { _ in [.running, .finished] }
        let scheduler = scheduler(master) { $0.acknowledgement = .manual }
        var events = scheduler.events.makeAsyncIterator()
        try await launch(scheduler, &events, try TaskID("t"))
        let update = try await next(&events) { if case .update(let update) = $0 { update } else { nil } }
        master.send(.agentLost(try AgentID("other")))
        #expect(try await events.next() == .agentLost(AgentID("other")))
        #expect(!master.calls.contains { isAcknowledgement($0.action) })
        await scheduler.acknowledge(update)
        #expect(try await state(&events) == .finished)
        await scheduler.stop()
        #expect(master.unacknowledged.map(\.state) == [.finished])
    }

    @Test("it comes back with its id after the master was lost, asks about its tasks and loses no update")
    func comesBack() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:1;mem:64")]) { _ in [.running] }
        let scheduler = scheduler(master)
        var events = scheduler.events.makeAsyncIterator()
        let task = try TaskID("t")
        try await launch(scheduler, &events, task)
        #expect(try await state(&events) == .running)
        master.refuse(ScriptedMaster.gone)
        master.disconnect()
        #expect(try await events.next() == .disconnected(ScriptedMaster.gone))
        master.update(task, .finished)
        await until { master.calls.count { if case .subscribe = $0.action { true } else { false } } >= 3 }
        do throws(Failure) {
            try await scheduler.revive()
            Issue.record("there is no master to call")
        } catch {
            #expect(error.code == "scheduler.not-subscribed" && error.retry == .later)
        }
        master.refuse(nil)
        let id = try await next(&events) { if case .subscribed(let id, _) = $0 { id } else { nil } }
        #expect(try await state(&events) == .finished)
        let framework = await scheduler.framework
        #expect(
            framework == id
                && master.calls.last { if case .subscribe = $0.action { true } else { false } }?.framework == id)
        let tasks = [SchedulerCall.TaskOfAgent(task: task, agent: try AgentID("a"))]
        await until { master.calls.contains { $0.action == .reconcile(tasks) } }
        await scheduler.stop()
        #expect(master.unacknowledged.isEmpty)
    }

    @Test("offers from before are void: a task launched on one is dropped and can be launched again")
    func voidOffers() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:1;mem:64")]) { _ in [.running] }
        let scheduler = scheduler(master)
        var events = scheduler.events.makeAsyncIterator()
        var use = OfferUse(try await offer(&events))
        _ = use.add(try TaskID("t1"), wish, command: command)
        master.disconnect()
        _ = try await next(&events) { if case .subscribed = $0 { true } else { nil } }
        try await scheduler.accept(use)
        #expect(try await state(&events) == .dropped)
        #expect(await scheduler.tasks.isEmpty)
        await scheduler.stop()
    }

    @Test("a kill is carried out, and one asked for while the master was away as well")
    func kill() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:2;mem:128")]) { _ in [.running] }
        let scheduler = scheduler(master)
        var events = scheduler.events.makeAsyncIterator()
        var use = OfferUse(try await offer(&events))
        for name in ["t1", "t2"] { _ = use.add(try TaskID(name), wish, command: command) }
        #expect(use.tasks.count == 2 && !use.fits(wish))
        try await scheduler.accept(use)
        for _ in 0..<2 { #expect(try await state(&events) == .running) }
        await scheduler.kill(try TaskID("t1"))
        #expect(try await state(&events) == .killed)
        master.refuse(ScriptedMaster.gone)
        master.disconnect()
        _ = try await next(&events) { if case .disconnected = $0 { true } else { nil } }
        await scheduler.kill(try TaskID("t2"), gracePeriod: .seconds(1))
        master.refuse(nil)
        #expect(try await state(&events) == .killed)
        try await scheduler.tearDown()
        #expect(master.calls.last?.action == .teardown)
    }

    @Test("a framework that another process took over, or that was removed, does not come back by itself")
    func takenOver() async throws {
        let master = ScriptedMaster()
        let first = scheduler(master)
        var events = first.events.makeAsyncIterator()
        let id = try await next(&events) { if case .subscribed(let id, _) = $0 { id } else { nil } }
        let second = scheduler(master) { $0.framework.id = id }
        var others = second.events.makeAsyncIterator()
        _ = try await next(&others) { if case .subscribed = $0 { true } else { nil } }
        var failed: Failure?
        do { while try await events.next() != nil {} } catch { failed = error }
        #expect(failed?.code == "scheduler.refused" && failed?.cause?.contains("failed over") == true)
        #expect(master.subscriptions == 2 && master.isSubscribed)
        master.send(.error("the scheduler reads too slowly; subscribe again"))
        _ = try await next(&others) { if case .subscribed = $0 { true } else { nil } }
        await second.stop()
    }

    @Test("credentials the master does not know end it at once")
    func refused() async throws {
        let master = ScriptedMaster()
        master.refuse(Failure("client.unauthorized", doing: "have the master do this", cause: "it answered 401"))
        var events = scheduler(master).events.makeAsyncIterator()
        do {
            _ = try await events.next()
            Issue.record("it goes on")
        } catch {
            #expect(error.code == "client.unauthorized")
        }
        #expect(try await events.next() == nil && master.subscriptions == 0)
    }

    @Test("letting go of a scheduler and its events ends its subscription")
    func letGo() async throws {
        let master = ScriptedMaster()
        do {
            var events = scheduler(master).events.makeAsyncIterator()
            _ = try await events.next()
            #expect(master.isSubscribed)
        }
        await until { !master.isSubscribed }
    }

    @Test("the same task id twice and more resources than offered are errors of the task")
    func wrong() async throws {
        let master = ScriptedMaster(agents: [try .init("a", "cpus:4;mem:256")]) { _ in [.running] }
        let scheduler = scheduler(master)
        var events = scheduler.events.makeAsyncIterator()
        var use = OfferUse(try await offer(&events))
        for _ in 0..<2 { _ = use.add(try TaskID("t"), wish, command: command) }
        let agent = use.offer.agent
        use.add(
            TaskSpec(
                id: try TaskID("big"), name: "big", agent: agent, resources: try Resource.parse("cpus:9"),
                runner: .command(command)))
        try await scheduler.accept(use)
        var states: [TaskState] = []
        for _ in 0..<3 { states.append(try await state(&events)) }
        #expect(states.count { $0 == .error } == 2 && states.contains(.running))
        await scheduler.stop()
    }

    @Test("a test may offer by hand, take back, and wait for calls")
    func byHand() async throws {
        let master = ScriptedMaster()
        let scheduler = scheduler(master)
        var events = scheduler.events.makeAsyncIterator()
        _ = try await events.next()
        let id = try master.offer("cpus:1;ports:[31000-31009]", on: "b")
        let offer = try await offer(&events)
        #expect(offer.id == id && offer.agent.text == "b")
        master.rescind(id)
        #expect(try await events.next() == .rescinded(id))
        try await scheduler.suppress()
        #expect(await master.nextCall { if case .suppress = $0 { true } else { false } } == .suppress([]))
        await scheduler.stop()
    }
}

/// Waits for what will be, without a bound of its own: the suite's time limit is the bound.
func until(_ condition: @Sendable () async -> Bool) async {
    while await !condition() {
        do { try await Task.sleep(for: .milliseconds(2)) } catch { return }
    }
}
