import Determinism
import Testing

@testable import SchedulerKit

@Suite("What a scheduler decides", .timeLimit(.minutes(5)))
struct SessionCoreTests {
    private let framework = try! FrameworkID("F")
    private let agent = try! AgentID("a")
    private let master = MasterInfo(
        id: "m", address: NetworkAddress(hostname: "localhost", port: 5_050), version: "1.0.0")
    private let gone = ScriptedMaster.gone

    private func task(_ name: String) -> TaskID { try! TaskID(name) }

    private func core(_ change: (inout FrameworkSettings) -> Void = { _ in }) -> SessionCore {
        var settings = FrameworkSettings(name: "test")
        settings.reconciliation.interval = nil
        change(&settings)
        return SessionCore(settings, seed: 7)
    }

    private var subscribed: SessionCore.Event {
        .received(.subscribed(framework, heartbeat: .seconds(15), master: master))
    }

    private func update(
        _ name: String, _ state: TaskState, _ id: UInt64?, reason: StatusReason? = nil
    ) -> StatusUpdate {
        StatusUpdate(
            framework: framework, task: task(name), state: state, source: .executor, reason: reason, agent: agent,
            at: .epoch, id: id.map { UpdateID(high: 0, low: $0) })
    }

    private func launch(_ names: String...) -> SessionCore.Event {
        .launching(
            names.map {
                TaskSpec(id: task($0), name: $0, agent: agent, resources: [], runner: .command(CommandSpec(.shell(""))))
            })
    }

    private func asked(_ names: String...) -> SessionCore.Effect {
        .call(.reconcile(names.map { SchedulerCall.TaskOfAgent(task: task($0), agent: agent) }))
    }

    @Test("the id the master gave is used from then on")
    func identity() {
        var core = core()
        #expect(core.subscription.framework.id == nil)
        #expect(
            core.handle(subscribed, at: .epoch) == [.deliver(.subscribed(framework, master: master)), .wake(at: nil)])
        #expect(core.subscription.framework.id == framework)
    }

    @Test("an update is handed out once, and acknowledged as often as it comes after it was handled")
    func once() {
        var core = core()
        _ = core.handle(subscribed, at: .epoch)
        let running = update("t", .running, 1)
        let acknowledgement = SessionCore.Effect.call(
            .acknowledge(UpdateID(high: 0, low: 1), task: task("t"), agent: agent))
        #expect(core.handle(.received(.update(running)), at: .epoch) == [.deliver(.update(running))])
        #expect(core.handle(.received(.update(running)), at: .epoch).isEmpty)
        #expect(core.handle(.handled(running), at: .epoch) == [acknowledgement])
        #expect(core.handle(.received(.update(running)), at: .epoch) == [acknowledgement])
    }

    @Test("an update handled while the master was away is acknowledged when it comes again, not handed out again")
    func handledAway() {
        var core = core()
        _ = core.handle(subscribed, at: .epoch)
        let running = update("t", .running, 1)
        _ = core.handle(.received(.update(running)), at: .epoch)
        _ = core.handle(.lost(gone), at: .epoch)
        #expect(core.handle(.handled(running), at: .epoch).isEmpty)
        _ = core.handle(subscribed, at: .epoch)
        let effects = core.handle(.received(.update(running)), at: .epoch)
        #expect(effects == [.call(.acknowledge(UpdateID(high: 0, low: 1), task: task("t"), agent: agent))])
    }

    @Test("what needs no acknowledgement gets none")
    func unacknowledged() {
        var core = core()
        _ = core.handle(subscribed, at: .epoch)
        let lost = update("t", .dropped, nil)
        #expect(core.handle(.received(.update(lost)), at: .epoch) == [.deliver(.update(lost))])
        #expect(core.handle(.handled(lost), at: .epoch).isEmpty)
    }

    @Test("waiting for the master doubles to a bound, is drawn from the upper half, and begins anew afterwards")
    func backoff() throws {
        var core = core {
            $0.reconnection.first = .seconds(1)
            $0.reconnection.most = .seconds(10)
        }
        func delay() throws -> Duration {
            let effects = core.handle(.lost(gone), at: .epoch)
            guard case .reconnect(let delay)? = effects.last else { throw gone }
            return delay
        }
        for bound in [1, 2, 4, 8, 10, 10] {
            let waited = try delay()
            #expect(waited >= .seconds(bound) / 2 && waited <= .seconds(bound), "\(waited) of \(bound) s")
        }
        _ = core.handle(subscribed, at: .epoch)
        #expect(try delay() <= .seconds(1))
    }

    @Test("a loss is told once, however many attempts fail; a failure that stays ends it, and so does the time given")
    func ends() {
        var core = core { $0.reconnection.giveUpAfter = .seconds(60) }
        _ = core.handle(subscribed, at: .epoch)
        #expect(core.handle(.lost(gone), at: .epoch).first == .deliver(.disconnected(gone)))
        #expect(core.handle(.lost(gone), at: Instant(seconds: 59)).count == 1)
        #expect(core.handle(.lost(gone), at: Instant(seconds: 60)) == [.end(gone)])
        var final = gone
        final.retry = .never
        #expect(core.handle(.lost(final), at: .epoch) == [.end(final)])
    }

    @Test("each task that has not ended is asked about after a subscription, until somebody says something of it")
    func reconciliation() {
        var core = core()
        _ = core.handle(subscribed, at: .epoch)
        _ = core.handle(launch("1", "2", "3"), at: .epoch)
        _ = core.handle(.received(.update(update("3", .finished, 3))), at: .epoch)
        _ = core.handle(.lost(gone), at: .epoch)
        let effects = core.handle(subscribed, at: .epoch)
        #expect(effects.suffix(3) == [.call(.reconcile([])), asked("1", "2"), .wake(at: Instant(seconds: 5))])
        _ = core.handle(
            .received(.update(update("2", .running, nil, reason: .reconciliation))), at: Instant(seconds: 1))
        #expect(core.handle(.woken, at: Instant(seconds: 5)) == [asked("1"), .wake(at: Instant(seconds: 15))])
        #expect(core.handle(.woken, at: Instant(seconds: 15)) == [asked("1"), .wake(at: Instant(seconds: 35))])
        _ = core.handle(.received(.update(update("1", .running, 9))), at: Instant(seconds: 16))
        #expect(core.handle(.woken, at: Instant(seconds: 35)) == [.wake(at: nil)])
    }

    @Test("an answer that says what is known already is not handed out; one that says more is")
    func news() {
        var core = core()
        _ = core.handle(subscribed, at: .epoch)
        _ = core.handle(.received(.update(update("t", .running, 1))), at: .epoch)
        let same = update("t", .running, nil, reason: .reconciliation)
        #expect(core.handle(.received(.update(same)), at: .epoch).isEmpty)
        let over = update("t", .unreachable, nil, reason: .reconciliation)
        #expect(core.handle(.received(.update(over)), at: .epoch) == [.deliver(.update(over))])
    }

    @Test("large frameworks ask in several calls")
    func batches() {
        var core = core {
            $0.limits.tasksPerReconciliationMax = 2
            $0.knownTasks = (1...5).map { SchedulerCall.TaskOfAgent(task: task("\($0)"), agent: agent) }
        }
        let effects = core.handle(subscribed, at: .epoch)
        #expect(effects.dropFirst().dropLast() == [asked("1", "2"), asked("3", "4"), asked("5")])
    }

    @Test("all tasks are asked for now and then, and by one that comes back with an id")
    func rounds() throws {
        var core = core {
            $0.framework.id = framework
            $0.reconciliation.interval = .seconds(100)
        }
        let effects = core.handle(subscribed, at: .epoch)
        #expect(effects.dropFirst() == [.call(.reconcile([])), .wake(at: Instant(seconds: 100))])
        #expect(
            core.handle(.woken, at: Instant(seconds: 100))
                == [.call(.reconcile([])), .wake(at: Instant(seconds: 200))])
        // Tasks learned that way count as known.
        _ = core.handle(.received(.update(update("t", .running, nil, reason: .reconciliation))), at: .epoch)
        #expect(Array(core.tasks.keys) == [task("t")])
    }

    @Test("a kill is said again after each subscription until the task's end is reported")
    func kill() {
        var core = core()
        let wanted = SchedulerCall.TaskOfAgent(task: task("t"), agent: agent)
        let call = SessionCore.Effect.call(.kill(wanted, gracePeriod: .seconds(3)))
        #expect(core.handle(.kill(wanted, gracePeriod: .seconds(3)), at: .epoch).isEmpty)
        #expect(core.handle(subscribed, at: .epoch).contains(call))
        _ = core.handle(.lost(gone), at: .epoch)
        #expect(core.handle(subscribed, at: .epoch).contains(call))
        _ = core.handle(.received(.update(update("t", .killed, 4))), at: .epoch)
        _ = core.handle(.lost(gone), at: .epoch)
        #expect(!core.handle(subscribed, at: .epoch).contains(call))
    }

    @Test("an operation's status is acknowledged where somebody waits for it")
    func operations() throws {
        var core = core()
        _ = core.handle(subscribed, at: .epoch)
        let id = UpdateID(high: 0, low: 5)
        let operation = try OperationID("op")
        let status = OperationStatus(operation: operation, state: .finished, id: id, agent: agent)
        #expect(core.handle(.received(.updateOperation(status)), at: .epoch) == [.deliver(.operation(status))])
        let named = SchedulerCall.OperationOfAgent(operation: operation, agent: agent)
        #expect(core.handle(.handledOperation(status), at: .epoch) == [.call(.acknowledgeOperation(id, named))])
        let silent = OperationStatus(operation: operation, state: .finished)
        #expect(core.handle(.handledOperation(silent), at: .epoch).isEmpty)
    }

    @Test("what is remembered of updates and tasks is bounded")
    func bounds() {
        var core = core {
            $0.limits.updatesRememberedMax = 2
            $0.limits.tasksMax = 2
        }
        _ = core.handle(subscribed, at: .epoch)
        for number in 1...5 {
            let effects = core.handle(.received(.update(update("\(number)", .running, UInt64(number)))), at: .epoch)
            #expect(effects.count == 1)
        }
        #expect(core.tasks.count == 2)
        // The oldest is forgotten: it is handed out again rather than lost.
        #expect(core.handle(.received(.update(update("1", .running, 1))), at: .epoch).count == 1)
        #expect(core.handle(.received(.update(update("1", .running, 1))), at: .epoch).isEmpty)
    }
}
