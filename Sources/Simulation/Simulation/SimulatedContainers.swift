import Containers
import Determinism
import Diagnostics
import OrderedCollections

/// The containers of one machine and what is written down about them: what a containerizer does, without waiting.
///
/// Processes end with the machine; what is written down stays. A process is the one that was written down only when
/// its start is, too: numbers are used again.
struct SimulatedContainers: Sendable {
    struct Entry: Sendable {
        var launch: ContainerLaunch
        var pid: Int32
        /// Tells one process of a number from the next.
        var startMark: UInt64
        var startedAt: Instant
        var exit: ContainerExit?
    }
    private(set) var entries: OrderedDictionary<ContainerID, Entry> = [:]
    /// Whom each number belongs to right now.
    private var processes: [Int32: UInt64] = [:]
    private var lastPID: Int32 = 100
    private var lastMark: UInt64 = 0
    var trustsReusedPIDs = false

    subscript(_ id: ContainerID) -> Entry? { entries[id] }
    func isRunning(_ id: ContainerID) -> Bool { entries[id].map { $0.exit == nil } ?? false }

    mutating func launch(_ launch: ContainerLaunch, at now: Instant) throws(Failure) -> LaunchAnswer {
        if entries[launch.id] != nil { return .alreadyLaunched }
        if let parent = launch.parent, !isRunning(parent) {
            throw Failure(
                "container.not-running", doing: "launch container", on: launch.id.text,
                cause: "its parent '\(parent)' does not run", remedy: "launch the parent first")
        }
        entries[launch.id] = Entry(launch: launch, pid: newProcess(), startMark: lastMark, startedAt: now)
        return .launched
    }

    private mutating func newProcess() -> Int32 {
        repeat { lastPID = lastPID >= 4_000 ? 100 : lastPID + 1 } while processes[lastPID] != nil
        lastMark += 1
        processes[lastPID] = lastMark
        return lastPID
    }

    /// Its first process ends. False: it had.
    @discardableResult
    mutating func end(_ id: ContainerID, _ exit: ContainerExit) -> Bool {
        guard let entry = entries[id], entry.exit == nil else { return false }
        processes[entry.pid] = nil
        entries[id]?.exit = exit
        return true
    }

    /// Ends it and what is in it, children first; all that were still running, each with its end.
    mutating func stop(_ id: ContainerID, at now: Instant) -> [(id: ContainerID, exit: ContainerExit)] {
        var ended: [(ContainerID, ContainerExit)] = []
        for child in children(of: id) { ended += stop(child, at: now) }
        let exit = ContainerExit(
            reason: .killed, code: 137, signal: 9, endedAt: now.seconds, message: "it was destroyed")
        if end(id, exit) { ended.append((id, exit)) }
        return ended
    }

    /// Nothing is left of it afterwards; it must have been stopped. How it ended, nil for a stranger.
    mutating func remove(_ id: ContainerID) -> ContainerExit? {
        for child in children(of: id) { _ = remove(child) }
        return entries.removeValue(forKey: id)?.exit
    }

    /// False: it does not run.
    mutating func update(_ id: ContainerID, _ limits: ContainerLimits) -> Bool {
        guard isRunning(id) else { return false }
        entries[id]?.launch.limits = limits
        return true
    }

    func children(of id: ContainerID) -> [ContainerID] {
        entries.values.filter { $0.launch.parent == id }.map(\.launch.id)
    }

    /// The machine stops and starts: no process is left, and their numbers are given to others.
    mutating func reboot() {
        processes = [:]
        lastPID = 100
        // The system's own programs come first and take the numbers tasks had.
        for _ in 0..<40 { _ = newProcess() }
    }

    /// What became of `known`, and what nobody knows; strangers are removed. `stopped`: those that ran until now.
    mutating func recover(
        _ known: [ContainerLaunch], at now: Instant
    ) -> (recovery: ContainerRecovery, stopped: [ContainerID]) {
        var recovery = ContainerRecovery()
        var stopped: [ContainerID] = []
        for launch in known {
            guard let entry = entries[launch.id] else {
                recovery.vanished.append(launch.id)
                continue
            }
            if let exit = entry.exit {
                recovery.ended.append(ContainerRecovery.EndedContainer(id: launch.id, exit: exit))
            } else if isAlive(entry) {
                recovery.adopted.append(launch.id)
            } else {
                entries[launch.id] = nil
                recovery.vanished.append(launch.id)
            }
        }
        let names = Set(known.map(\.id))
        for id in entries.keys where !names.contains(id) {
            stopped += stop(id, at: now).map(\.id)
            _ = remove(id)
            recovery.destroyed.append(id)
        }
        return (recovery, stopped)
    }

    private func isAlive(_ entry: Entry) -> Bool {
        guard let mark = processes[entry.pid] else { return false }
        return mark == entry.startMark || trustsReusedPIDs
    }
}
