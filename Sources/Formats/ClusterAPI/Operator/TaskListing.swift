public import ClusterModel

/// Many tasks in order, each made when it is looked at: hundreds of thousands cost nothing before and no memory after.
/// What makes them must always make the same.
public struct TaskListing: Sendable {
    private struct Part: Sendable {
        let framework: FrameworkID
        /// Where it begins in the listing.
        let start: Int
        let count: Int
        let task: @Sendable (Int) -> TaskView?
    }
    private var parts: [Part] = []
    /// Places; what turns out not to be there leaves its place empty.
    public private(set) var count = 0

    public init() {}

    public init(_ tasks: [TaskView]) {
        var start = 0
        while start < tasks.count {
            let framework = tasks[start].framework
            let end = tasks[start...].firstIndex { $0.framework != framework } ?? tasks.count
            let first = start
            append(end - start, of: framework) { tasks[first + $0] }
            start = end
        }
    }

    /// `task` makes one of them, by its place from zero; nil: it is not there.
    public mutating func append(
        _ count: Int, of framework: FrameworkID, task: @escaping @Sendable (Int) -> TaskView?
    ) {
        guard count > 0 else { return }
        parts.append(Part(framework: framework, start: self.count, count: count, task: task))
        self.count += count
    }

    public var isEmpty: Bool { count == 0 }
    public var first: TaskView? { first { _ in true } }

    public subscript(_ place: Int) -> TaskView? {
        var (low, high) = (0, parts.count)
        while low < high {
            let middle = (low + high) / 2
            if parts[middle].start <= place { low = middle + 1 } else { high = middle }
        }
        guard low > 0, place - parts[low - 1].start < parts[low - 1].count else { return nil }
        return parts[low - 1].task(place - parts[low - 1].start)
    }

    /// Those of one framework.
    public func of(_ framework: FrameworkID) -> TaskListing {
        var own = TaskListing()
        for part in parts where part.framework == framework {
            own.append(part.count, of: framework, task: part.task)
        }
        return own
    }

    public static func + (left: TaskListing, right: TaskListing) -> [TaskView] { Array(left) + Array(right) }
}

extension TaskListing: Sequence {
    public func makeIterator() -> AnyIterator<TaskView> {
        let parts = parts
        var (part, index) = (0, 0)
        return AnyIterator {
            while part < parts.count {
                if index < parts[part].count {
                    defer { index += 1 }
                    if let task = parts[part].task(index) { return task }
                } else {
                    (part, index) = (part + 1, 0)
                }
            }
            return nil
        }
    }

    public var underestimatedCount: Int { 0 }
}

extension TaskListing: ExpressibleByArrayLiteral {
    public init(arrayLiteral tasks: TaskView...) { self.init(tasks) }
}

extension TaskListing: Hashable {
    public static func == (left: TaskListing, right: TaskListing) -> Bool { left.elementsEqual(right) }

    public func hash(into hasher: inout Hasher) {
        for task in self { hasher.combine(task) }
    }
}
