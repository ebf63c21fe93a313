/// A set that is always in order, kept in many short runs, for names that grow many while somebody reads a copy.
///
/// Who shows hundreds of thousands of tasks in order would otherwise sort them at every look, and Swift copies a set as
/// a whole at the first change after it was shared. Here a look sorts nothing, and a change copies one run.
public struct SortedSet<Element: Comparable & Sendable>: Sendable {
    /// A run that grows beyond is cut in two.
    static var runMax: Int { 256 }

    /// None is empty; each is in order, and all of it comes before all of the next.
    public private(set) var runs: [[Element]] = []
    public private(set) var count = 0

    public init() {}

    public var isEmpty: Bool { count == 0 }

    /// The run that has `element`, or would have it.
    private func run(of element: Element) -> Int {
        SortedSet.firstIndex(below: runs.count) { run in runs[run].last.map { $0 >= element } ?? true }
    }

    private func position(of element: Element, in run: Int) -> (index: Int, isThere: Bool) {
        let elements = runs[run]
        let index = SortedSet.firstIndex(below: elements.count) { elements[$0] >= element }
        return (index, index < elements.count && elements[index] == element)
    }

    /// The first index for which `isReached`, which once true stays true; `end` when it never is.
    private static func firstIndex(below end: Int, where isReached: (Int) -> Bool) -> Int {
        var (low, high) = (0, end)
        while low < high {
            let middle = (low + high) / 2
            if isReached(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }

    public func contains(_ element: Element) -> Bool {
        let run = self.run(of: element)
        return run < runs.count && position(of: element, in: run).isThere
    }

    /// Nothing happens when it is there already.
    public mutating func insert(_ element: Element) {
        if runs.isEmpty {
            runs = [[element]]
            count = 1
            return
        }
        let run = Swift.min(self.run(of: element), runs.count - 1)
        let (index, isThere) = position(of: element, in: run)
        if isThere { return }
        runs[run].insert(element, at: index)
        count += 1
        if runs[run].count > SortedSet.runMax { split(run) }
    }

    /// The same for many. Of those between which nothing is yet, such as the tasks of an agent, one is looked for, and
    /// all are moved in together.
    public mutating func insert(_ elements: [Element]) {
        var rest = elements.sorted()[...]
        while let first = rest.first {
            guard !runs.isEmpty else {
                insert(rest.removeFirst())
                continue
            }
            let run = Swift.min(self.run(of: first), runs.count - 1)
            let (index, isThere) = position(of: first, in: run)
            if isThere {
                rest.removeFirst()
                continue
            }
            let following = index < runs[run].count ? runs[run][index] : nil
            var those = [first]
            rest.removeFirst()
            // What comes after the last of all goes there in pieces that a run has room for.
            while let next = rest.first, those.count < SortedSet.runMax, following.map({ next < $0 }) ?? true {
                if next != those[those.count - 1] { those.append(next) }
                rest.removeFirst()
            }
            runs[run].insert(contentsOf: those, at: index)
            count += those.count
            while runs[run].count > SortedSet.runMax { split(run) }
        }
    }

    private mutating func split(_ run: Int) {
        let half = runs[run].count / 2
        runs.insert(Array(runs[run][half...]), at: run + 1)
        runs[run].removeSubrange(half...)
    }

    /// Nothing happens when it is not there.
    public mutating func remove(_ element: Element) {
        let run = self.run(of: element)
        guard run < runs.count else { return }
        let (index, isThere) = position(of: element, in: run)
        guard isThere else { return }
        runs[run].remove(at: index)
        count -= 1
        join(run)
    }

    /// Lets a run that has become short be part of the one before it, or of the next.
    private mutating func join(_ run: Int) {
        if runs[run].isEmpty {
            runs.remove(at: run)
            return
        }
        guard runs[run].count < SortedSet.runMax / 8 else { return }
        let first = run > 0 ? run - 1 : run
        guard first + 1 < runs.count, runs[first].count + runs[first + 1].count <= SortedSet.runMax / 2 else { return }
        runs[first] += runs[first + 1]
        runs.remove(at: first + 1)
    }
}

extension SortedSet: Sequence {
    public func makeIterator() -> FlattenSequence<[[Element]]>.Iterator { runs.joined().makeIterator() }
    public var underestimatedCount: Int { count }
}
