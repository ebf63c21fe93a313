import Determinism

/// What is still to happen, the earliest first; of the same instant, what was planned first.
struct Agenda {
    typealias Action = (World) -> Void

    private struct Entry {
        var at: Instant
        var number: UInt64
        var action: Action

        static func < (left: Entry, right: Entry) -> Bool {
            left.at != right.at ? left.at < right.at : left.number < right.number
        }
    }
    private var heap: [Entry] = []
    private var following: UInt64 = 0

    var next: Instant? { heap.first?.at }

    mutating func add(at instant: Instant, _ action: @escaping Action) {
        heap.append(Entry(at: instant, number: following, action: action))
        following += 1
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> (at: Instant, action: Action)? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            sink()
        }
        return (first.at, first.action)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
