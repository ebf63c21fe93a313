/// A first-in, first-out queue that never holds more than `capacity` elements: overload is an answer to whoever adds,
/// never memory. Adding and taking cost constant time; the ring grows as needed up to the capacity.
public struct BoundedQueue<Element: Sendable>: Sendable {
    public let capacity: Int
    private var ring: [Element?] = []
    private var head = 0
    public private(set) var count = 0
    /// How many elements were refused since the queue was made.
    public private(set) var refused: UInt64 = 0

    /// `capacity` must be above zero.
    public init(capacity: Int) {
        precondition(capacity > 0, "a queue holds at least one element")
        self.capacity = capacity
    }

    public var isEmpty: Bool { count == 0 }
    public var isFull: Bool { count == capacity }
    public var first: Element? { count == 0 ? nil : ring[head] }

    /// Adds `element` at the end. False, and nothing changes but `refused`, when the queue is full.
    public mutating func append(_ element: Element) -> Bool {
        guard count < capacity else {
            refused &+= 1
            return false
        }
        if count == ring.count { grow() }
        ring[(head + count) % ring.count] = element
        count += 1
        return true
    }

    /// Takes the oldest element.
    public mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = ring[head]
        ring[head] = nil
        head = (head + 1) % ring.count
        count -= 1
        return element
    }

    /// Takes everything, oldest first.
    public mutating func drain() -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(count)
        while let element = popFirst() { elements.append(element) }
        return elements
    }

    private mutating func grow() {
        var larger: [Element?] = []
        let size = min(capacity, max(8, ring.count * 2))
        larger.reserveCapacity(size)
        for offset in 0..<count { larger.append(ring[(head + offset) % ring.count]) }
        larger.append(contentsOf: repeatElement(nil, count: size - count))
        ring = larger
        head = 0
    }
}
