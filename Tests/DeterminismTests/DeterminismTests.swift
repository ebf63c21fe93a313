import Determinism
import Testing

@Suite("Instants")
struct InstantTests {
    @Test("adding and taking away a duration are inverse")
    func inverse() {
        let start = Instant(seconds: 1_700_000_000)
        #expect(start + .seconds(5) - .seconds(5) == start)
        #expect((start + .milliseconds(1_500)) - start == .milliseconds(1_500))
        #expect(start - (start + .seconds(3)) == .seconds(-3))
        #expect((start + .seconds(1)) > start)
        #expect(start.seconds == 1_700_000_000)
    }

    @Test(
        "arithmetic stops at the ends of time instead of trapping",
        arguments: [
            (Instant.distantFuture, Duration.seconds(1), Instant.distantFuture),
            (.distantPast, .seconds(-1), .distantPast),
            (.epoch, .seconds(Int64.max), .distantFuture),
            (.epoch, .seconds(Int64.min), .distantPast),
            (Instant(nanoseconds: 5), .nanoseconds(Int64.max), .distantFuture),
        ])
    func saturates(_ start: Instant, _ step: Duration, _ end: Instant) {
        #expect(start + step == end)
    }

    @Test("taking away stops at the ends of time as well")
    func saturatesDown() {
        #expect(Instant.distantPast - .seconds(1) == .distantPast)
        #expect(Instant.distantFuture - .seconds(-1) == .distantFuture)
        #expect(Instant.distantFuture - Instant.distantPast == .nanoseconds(Int64.max))
        #expect(Instant.distantPast - Instant.distantFuture == .nanoseconds(Int64.min))
    }

    @Test(
        "a client's seconds are held within their range",
        arguments: [
            (5.0, Duration.seconds(5)), (0.25, .milliseconds(250)), (-1, .zero), (1e300, .seconds(60)),
            (.infinity, .seconds(60)), (-.infinity, .zero),
        ])
    func clamped(_ seconds: Double, _ expected: Duration) {
        #expect(Duration(clamping: seconds, to: .zero ... .seconds(60)) == expected)
    }

    @Test("what is not a number is no duration")
    func notANumber() { #expect(Duration(clamping: .nan, to: .zero ... .seconds(60)) == nil) }

    @Test("timers are counted")
    func timers() {
        var sequence = TimerSequence(after: 41)
        #expect([sequence.next(), sequence.next()] == [TimerID(42), TimerID(43)])
        #expect(TimerID(1) < TimerID(2))
    }
}

@Suite("Seeded chance")
struct SeededRandomTests {
    @Test("a seed gives these numbers for ever")
    func fixedNumbers() {
        // SplitMix64(0) fills the state with 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, ...: published test vectors.
        #expect(SeededRandom.scrambled(0x9e37_79b9_7f4a_7c15) == 0xe220_a839_7b1d_cdaf)
        var random = SeededRandom(seed: 0)
        #expect(random.next() == 0x99ec_5f36_cb75_f2b4)
        #expect(random.next() == 0xbf6e_1f78_4956_452a)
    }

    @Test("the same seed repeats, another does not")
    func repeats() {
        var first = SeededRandom(seed: 7)
        var second = SeededRandom(seed: 7)
        var other = SeededRandom(seed: 8)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in other.next() })
    }

    @Test("each number below a bound comes about equally often", arguments: [1, 2, 3, 7, 10])
    func uniform(_ bound: Int) {
        var random = SeededRandom(seed: 99)
        var counts = [Int](repeating: 0, count: bound)
        for _ in 0..<(1_000 * bound) { counts[random.below(bound)] += 1 }
        #expect(counts.allSatisfy { (850...1_150).contains($0) }, "\(counts)")
    }

    @Test("a shuffle keeps every element and reaches every order")
    func shuffles() {
        var random = SeededRandom(seed: 3)
        var orders: Set<[Int]> = []
        for _ in 0..<200 {
            var elements = [1, 2, 3]
            random.shuffle(&elements)
            #expect(elements.sorted() == [1, 2, 3])
            orders.insert(elements)
        }
        #expect(orders.count == 6)
    }

    @Test("draws stay where they are asked for")
    func ranges() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<1_000 {
            #expect((-3...3).contains(random.within(-3...3)))
            #expect((0..<1).contains(random.fraction()))
        }
        #expect(random.pick([Int]()) == nil)
        #expect(random.pick([5]) == 5)
        #expect(!random.chance(0, outOf: 4) && random.chance(4, outOf: 4))
    }

    @Test("a split generator goes its own way")
    func splits() {
        var random = SeededRandom(seed: 1)
        var branch = random.split()
        #expect(branch.next() != random.next())
    }
}

@Suite("Bounded queues")
struct BoundedQueueTests {
    @Test("what went in first comes out first, also around the ring's end")
    func order() {
        var queue = BoundedQueue<Int>(capacity: 20)
        var expected: [Int] = []
        var random = SeededRandom(seed: 5)
        for number in 0..<2_000 {
            if random.chance(1, outOf: 2) {
                let added = queue.append(number)
                #expect(added == (expected.count < 20))
                if added { expected.append(number) }
            } else {
                #expect(queue.popFirst() == (expected.isEmpty ? nil : expected.removeFirst()))
            }
            #expect(queue.count == expected.count && queue.first == expected.first)
        }
        #expect(queue.drain() == expected)
        #expect(queue.isEmpty)
    }

    @Test("a full queue refuses and counts what it refused")
    func full() {
        var queue = BoundedQueue<String>(capacity: 2)
        #expect(queue.append("a") && queue.append("b"))
        #expect(queue.isFull && !queue.append("c"))
        #expect(queue.refused == 1 && queue.drain() == ["a", "b"])
    }
}

@Suite("Cores")
struct CoreTests {
    struct Counter: Core {
        var total = 0
        mutating func handle(_ event: Int, at now: Instant) -> [String] {
            total += event
            return ["\(total) at \(now.nanoseconds)"]
        }
    }

    @Test("a core is a value: a copy replays what the original did")
    func replays() {
        var original = Counter()
        var copy = original
        let events = [3, -1, 4]
        let first = events.flatMap { original.handle($0, at: .epoch) }
        #expect(first == events.flatMap { copy.handle($0, at: .epoch) })
        #expect(first == ["3 at 0", "2 at 0", "6 at 0"])
    }
}
