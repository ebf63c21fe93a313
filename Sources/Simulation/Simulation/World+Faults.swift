import ClusterModel
import Determinism

/// What goes wrong, and when.
extension World {
    func planFaults() {
        again(faults.agentKills) { world in
            guard let machine = world.chance.pick(world.machines) else { return }
            machine.kill(world, restartsAfter: .milliseconds(world.chance.within(10...20_000)))
        }
        again(faults.masterKills) { world in
            world.chance.pick(world.masters)?.kill(
                world, restartsAfter: .milliseconds(world.chance.within(10...30_000)))
        }
        again(faults.outages) { world in
            world.say("everything goes out")
            world.count("outages")
            for master in world.masters {
                master.kill(world, restartsAfter: .milliseconds(world.chance.within(1_000...20_000)))
            }
            for machine in world.machines {
                machine.kill(world, restartsAfter: .milliseconds(world.chance.within(10...20_000)))
            }
        }
        again(faults.reboots) { world in
            guard let machine = world.chance.pick(world.machines) else { return }
            machine.reboot(world, after: .milliseconds(world.chance.within(2_000...150_000)))
        }
        again(faults.partitions) { world in world.cutSomething() }
        again(faults.brokenConnections) { world in
            let wires = world.machines.map(\.wire) + world.schedulers.map(\.wire)
            guard let wire = world.chance.pick(wires) else { return }
            world.say("a connection breaks")
            wire.someConnection(&world.chance)?.fail(world)
        }
        again(faults.schedulerCrashes) { world in
            guard let scheduler = world.chance.pick(world.schedulers) else { return }
            scheduler.crash(world, restartsAfter: .milliseconds(world.chance.within(100...140_000)))
        }
        again(faults.pauses) { world in
            let pause = Duration.milliseconds(world.chance.within(500...100_000))
            if world.chance.chance(1, outOf: 4) {
                world.chance.pick(world.masters)?.pause(world, for: pause)
            } else {
                world.chance.pick(world.machines)?.process?.pause(world, for: pause)
            }
        }
        again(masters.count > 1 ? faults.isolations : nil) { world in
            world.chance.pick(world.masters)?.isolate(
                world, for: .milliseconds(world.chance.within(500...60_000)))
        }
        again(faults.fullDisks) { world in
            guard let machine = world.chance.pick(world.machines) else { return }
            world.say("machine \(machine.index)'s disk is full")
            machine.disk.fullUntil = world.now + .seconds(world.chance.within(1...60))
        }
        operators?.start(self)
    }

    /// Over and over, about so often, until everything heals.
    private func again(_ every: Duration?, _ action: @escaping Agenda.Action) {
        guard let every else { return }
        after(around(every)) { world in
            guard world.act == .safety else { return }
            action(world)
            world.again(every, action)
        }
    }

    private func cutSomething() {
        let wires: [(String, Wire)] = machines.map { ("machine \($0.index)", $0.wire) }
            + schedulers.map { ($0.name, $0.wire) }
        guard let (name, wire) = chance.pick(wires), !wire.isCut else { return }
        say("\(name) is cut off from the master")
        count("partitions")
        wire.cut()
        after(.milliseconds(chance.within(200...250_000))) { world in
            guard wire.isCut else { return }
            world.say("\(name) is joined with the master again")
            wire.heal(world)
        }
    }

    func healFaults() {
        for machine in machines {
            machine.wire.heal(self)
            machine.disk.fullUntil = nil
        }
        for scheduler in schedulers { scheduler.wire.heal(self) }
        for master in masters { master.heal() }
    }
}
