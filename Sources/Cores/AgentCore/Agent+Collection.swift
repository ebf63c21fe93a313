import ClusterModel
import Containers
import Determinism
import Diagnostics
import OrderedCollections

/// What is being tidied away right now.
struct CollectionState: Sendable {
    var isCollecting: OrderedSet<String> = []
    var imagesPrunedAt: Instant?
    var pruneCalls: [Agent.CallID] = []
    var isPruning = false
    /// As of the last look at the disk.
    var allowedAge: Duration?
}

/// Old sandboxes and images: by age, by how full the disk is, the longest ended first; never those pinned or in use.
extension Agent {
    mutating func watchDisk() {
        guard case .running = phase else { return }
        send(.measureDisk)
        arm(.disk, after: configuration.timing.diskWatch)
    }

    mutating func diskMeasured(_ usage: Double?) {
        guard let usage else {
            note("disk.unmeasured", "how full the disk is could not be measured: nothing is collected", .warning)
            return
        }
        let timing = configuration.timing
        let share = max(0, min(1, 1 - timing.collectionHeadroom - usage))
        let allowed = timing.collectionDelay * share
        collection.allowedAge = allowed
        for (path, endedAt) in state.sandboxes.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
            let isExcess = state.sandboxes.count - collection.isCollecting.count > configuration.bounds.sandboxesMax
            guard now - endedAt > allowed || isExcess else { break }
            collect(path)
        }
        if usage > 1 - timing.collectionHeadroom { pruneImagesIfDue() }
    }

    private mutating func collect(_ path: String) {
        let isPinned = configuration.pinnedPaths.contains { path == $0 || path.begins(with: $0 + "/") }
        guard !isPinned, !collection.isCollecting.contains(path) else { return }
        collection.isCollecting.append(path)
        send(.collect(path: path))
    }

    mutating func collected(_ path: String, _ failure: Failure?) {
        collection.isCollecting.remove(path)
        if let failure {
            counters.pathsNotCollected += 1
            note("sandbox.kept", "an old sandbox could not be removed; trying again", .warning,
                ["path": path, "failure": failure.description])
            return
        }
        counters.pathsCollected += 1
        if state.sandboxes[path] != nil { record(.sandboxCollected(path: path)) }
    }

    /// What a lost journal or another agent of this directory left behind counts as ended now.
    mutating func sandboxesFound(_ paths: [String]) {
        let known = Set(state.containers.values.map(\.sandbox.path))
        for path in paths where !known.contains(path) && state.sandboxes[path] == nil {
            record(.sandboxEnded(path: path, at: now))
        }
    }

    // MARK: Images

    private mutating func pruneImagesIfDue() {
        if let last = collection.imagesPrunedAt, now - last < configuration.timing.imagePruning { return }
        pruneImages(keeping: [], for: nil)
    }

    mutating func pruneImages(keeping: [String], for call: CallID?) {
        if let call {
            guard collection.pruneCalls.count < configuration.bounds.waitersMax else {
                send(.answer(call, .refused(Failure(
                    "call.too-many", doing: "prune images", cause: "too many such calls wait",
                    remedy: "try again later", limit: "waitersMax", retry: .later))))
                return
            }
            collection.pruneCalls.append(call)
        }
        guard !collection.isPruning else { return }
        collection.isPruning = true
        collection.imagesPrunedAt = now
        let planned = state.containers.values.compactMap { run -> String? in
            guard run.exit == nil, case .image(let name) = run.launch.root else { return nil }
            return name
        }
        let kept = OrderedSet(configuration.pinnedImages + keeping + planned)
        send(.pruneImages(keeping: Array(kept)))
    }

    mutating func imagesPruned(_ failure: Failure?) {
        collection.isPruning = false
        for call in collection.pruneCalls {
            send(.answer(call, failure.map { .refused($0) } ?? .done))
        }
        collection.pruneCalls = []
        if let failure { note("images.kept", "images could not be pruned", .warning, ["failure": "\(failure)"]) }
    }
}
