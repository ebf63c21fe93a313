import Determinism

/// Timers by when they ring. Setting one that runs moves it; setting, cancelling and ringing cost the logarithm of what
/// is set.
struct TimerQueue: Sendable {
    private struct Entry: Sendable {
        let at: Instant
        let timer: TimerID
    }
    /// A binary heap, earliest first. Entries that were moved or cancelled stay until they come up.
    private var heap: [Entry] = []
    private var current: [TimerID: Instant] = [:]

    var count: Int { current.count }

    mutating func set(_ timer: TimerID, at instant: Instant) {
        current[timer] = instant
        heap.append(Entry(at: instant, timer: timer))
        rise(from: heap.count - 1)
        if heap.count > 2 * current.count + 64 { rebuild() }
    }

    mutating func cancel(_ timer: TimerID) { current[timer] = nil }

    /// When the next one rings.
    mutating func earliest() -> Instant? {
        while let first = heap.first {
            if current[first.timer] == first.at { return first.at }
            removeFirst()
        }
        return nil
    }

    /// Takes the next one that is due.
    mutating func pop(at now: Instant) -> TimerID? {
        guard let next = earliest(), next <= now, let timer = heap.first?.timer else { return nil }
        removeFirst()
        current[timer] = nil
        return timer
    }

    private mutating func rebuild() {
        heap = current.map { Entry(at: $0.value, timer: $0.key) }.sorted { precedes($0, $1) }
    }

    private func precedes(_ left: Entry, _ right: Entry) -> Bool {
        (left.at, left.timer) < (right.at, right.timer)
    }

    private mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < heap.count else { return }
            let right = left + 1
            let child = right < heap.count && precedes(heap[right], heap[left]) ? right : left
            guard precedes(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            parent = child
        }
    }

    private mutating func rise(from start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(heap[child], heap[parent]) else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }
}
