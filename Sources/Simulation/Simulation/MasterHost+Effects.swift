import ClusterAPI
import ClusterModel
import Coordination
import Determinism
import Diagnostics
import MasterCore

/// What the core orders, carried out in the world.
extension MasterHost {
    func perform(_ effect: MasterCore.Effect, _ world: World) {
        switch effect {
        case .persist(let changes, let ticket):
            orders.append((changes, ticket))
            write(world)
        case .openStream(let call, let stream): open(stream, for: call, world)
        case .answer(let call, let answer): self.answer(call, answer, world)
        case .publish(let stream, let event, _): publish(event, on: stream, world)
        case .introduce, .announce: break
        case .closeStream(let stream):
            listeners[stream] = nil
            streams.removeValue(forKey: stream)?.closeByMaster(world)
        case .send(let link, let message): send(message, on: link, world)
        case .closeLink(let link): links.removeValue(forKey: link)?.closeByMaster(world)
        case .setTimer(let timer, let instant): set(timer, at: instant, world)
        case .cancelTimer(let timer): timers[timer] = nil
        case .note(let note): if note.level != .info { world.say("master: \(note.name)") }
        case .stepDown(let failure):
            world.say("master \(index) steps down: \(failure.code.rawValue)")
            world.count("step-downs")
            standAgain(world)
        }
    }

    /// As a process that has ended and is started anew.
    func standAgain(_ world: World) {
        world.elections.resign(self, world)
        end(world)
        let life = life
        world.after(.seconds(2)) { world in
            if self.isUp, self.life == life { self.stand(world) }
        }
    }

    private func set(_ timer: TimerID, at instant: Instant, _ world: World) {
        timers[timer] = instant
        let life = life
        world.at(instant - skew) { world in
            guard self.life == life, self.timers[timer] == instant else { return }
            self.timers[timer] = nil
            self.take(.timer(timer), world)
        }
    }

    private func open(_ stream: StreamID, for id: CallID, _ world: World) {
        guard let call = calls.removeValue(forKey: id), let connection = call.connection else { return }
        streams[stream] = connection
        listeners[stream] = call.hear
        let life = life
        connection.masterNotices = { world in
            guard self.life == life else { return }
            self.streams[stream] = nil
            self.listeners[stream] = nil
            self.take(.streamClosed(stream), world)
        }
        connection.send(.down, world) { call.opened?(stream, $0) }
    }

    private func answer(_ id: CallID, _ answer: CallAnswer, _ world: World) {
        guard let call = calls.removeValue(forKey: id) else { return }
        if let connection = call.connection {
            connection.send(.down, world) { call.answered(answer, $0) }
        } else {
            world.after(world.delay()) { call.answered(answer, $0) }
        }
    }

    private func publish(_ event: SchedulerEvent, on stream: StreamID, _ world: World) {
        guard let connection = streams[stream], let hear = listeners[stream] else { return }
        if case .subscribed(let framework, _, _) = event {
            let entry = world.registry.durable.frameworks[framework]
            if entry == nil || entry?.removed != nil {
                world.violate(.durability, "framework \(framework) is subscribed, and the registry has not got it")
            }
        }
        connection.send(.down, world) { hear(event, $0) }
    }

    private func send(_ message: MasterMessage, on link: LinkID, _ world: World) {
        guard let connection = links[link], let machine = world.machine(on: connection) else { return }
        world.say("master to agent \(machine.index): \(message.short)")
        if case .registered(let id, _, _) = message, world.registry.durable.agents[id]?.standing != .registered {
            world.violate(.durability, "agent \(id) is admitted, and the registry has not got it")
        }
        if case .acknowledge = message, world.has(.dropsAcknowledgements) { return }
        connection.send(.down, world) { machine.hear(message, on: connection, $0) }
    }
}
