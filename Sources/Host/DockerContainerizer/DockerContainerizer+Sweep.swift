import Containers
import Diagnostics

/// What a launch that failed has left at the engine: the engine took an order, and then was away or hung when it was to
/// take the container away again. At the agent's next start `recover` would find it by its label; until then it would
/// run with nobody who knows it. So it is looked for in the same way as soon as the engine answers.
extension DockerContainerizer {
    /// Whether the engine may have a container of a launch that failed with this: it did not say how an order ended, or
    /// what was made could not be removed, or there is one of an earlier launch in the way.
    static func mayHaveLeftSomething(_ failure: Failure) -> Bool {
        ["docker.connection", "docker.no-answer", "docker.name-in-use"].contains(failure.code.rawValue)
            || !failure.alsoFailed.isEmpty
    }

    /// Removes whatever the engine has of this installation that nobody knows, again and again until nothing can come
    /// of an order any more that was given up.
    func sweepLater() {
        let isUnderWay = prolongSweeping()
        guard !isUnderWay else { return }
        Task { [weak self] in
            var pause = Duration.milliseconds(100)
            while await self?.sweepOnce() == true {
                do { try await Task.sleep(for: pause) } catch { return }
                pause = min(pause * 2, .seconds(10))
            }
        }
    }

    /// Whether it was under way already.
    @discardableResult
    private func prolongSweeping() -> Bool {
        let last = ContinuousClock.now + .seconds(EngineDeadline.filesSeconds)
        return sweepingUntil.withLock { until in
            defer { until = last }
            return until != nil
        }
    }

    /// Whether another is due.
    private func sweepOnce() async -> Bool {
        let began = ContinuousClock.now
        do throws(Failure) { try await sweep() } catch {
            // The engine is away: once it is back it may yet carry out what it was told before.
            prolongSweeping()
            return true
        }
        return sweepingUntil.withLock { until in
            if let last = until, began < last { return true }
            until = nil
            return false
        }
    }

    private func sweep() async throws(Failure) {
        for (name, engineID) in try await found() {
            let id = try ContainerID(name)
            // The engine was asked first: what it had then and belongs to somebody is in the ledger by now.
            if ledger[id] == nil { try await remove(engineID) }
        }
    }
}
