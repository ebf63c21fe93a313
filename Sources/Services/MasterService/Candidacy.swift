import ClusterAPI
import Coordination
import Diagnostics
import Logging
import MasterCore
import Synchronization

/// One master's way through an election: it stands, leads with what the registry has, and ends for good once it has
/// lost the lead, so that a new process begins with what the registry has then.
struct Candidacy: Sendable {
    let master: MasterInfo
    let store: any RegistryStore
    let coordinator: any Coordinator
    let standing: Standing
    let configuration: @Sendable () -> MasterConfiguration
    let limits: MasterServiceLimits
    let reads: ReadPool
    let logger: Logger
    let ended: Announcement

    /// Tells how a master has ended, once.
    final class Announcement: Sendable {
        private let tell: Mutex<(@Sendable (Failure) -> Void)?>
        init(_ tell: @escaping @Sendable (Failure) -> Void) { self.tell = Mutex(tell) }

        func make(_ failure: Failure) {
            let tell = tell.withLock { tell in
                defer { tell = nil }
                return tell
            }
            tell?(failure)
        }
    }

    /// Until the election is over or the task is cancelled. `began` is told once who leads, or that this one cannot.
    func run(began: @Sendable (Result<Void, Failure>) -> Void) async {
        // Not a child: cancelled, it would take a write that is under way for a registry that is lost.
        var reign: Task<Void, Never>?
        for await word in await coordinator.contend(as: master) {
            switch word {
            case .leading:
                guard case .ended = standing.present else {
                    if reign == nil { reign = await lead(began) }
                    continue
                }
            case .following(let leader):
                if standing.driver != nil { end(Candidacy.overtaken(leader)) }
                guard case .ended = standing.present else {
                    standing.set(.following(leader))
                    began(.success(()))
                    continue
                }
            case .lost(let failure):
                end(failure)
                began(.failure(failure))
            }
        }
        let driver = standing.driver
        standing.set(.ended)
        driver?.stop()
        // Last: whoever leads next must find nothing of ours under way, neither an order to an agent nor a write.
        await reign?.value
        await coordinator.resign()
    }

    private func lead(_ began: @Sendable (Result<Void, Failure>) -> Void) async -> Task<Void, Never>? {
        do throws(Failure) {
            let (driver, version) = try await load()
            standing.set(.leading(driver))
            let reign = Task { await driver.run(from: version) }
            began(.success(()))
            return reign
        } catch {
            standing.set(.ended)
            began(.failure(error))
            ended.make(error)
            return nil
        }
    }

    private func load() async throws(Failure) -> (MasterDriver, RegistryVersion) {
        let (registry, version) = try await store.takeOver()
        let driver = MasterDriver(
            core: MasterCore(configuration(), registry: registry), store: store, clock: MasterClock(), limits: limits,
            reads: reads, logger: logger, stepDown: { end($0) })
        return (driver, version)
    }

    private func end(_ failure: Failure) {
        let driver = standing.driver
        standing.set(.ended)
        driver?.stop()
        ended.make(failure)
    }

    private static func overtaken(_ leader: MasterInfo?) -> Failure {
        Failure(
            "master.overtaken", doing: "lead", cause: "another master leads: \(leader?.id ?? "none is known")",
            remedy: "start anew; it then stands by", retry: .later)
    }
}
