import Glibc
import LinuxKernel
import Testing

/// Threads that go on beside each other, and how they wait: Docs/Decisions/0158.
@Suite("Threads beside each other")
struct ThreadPlacementTests {
    /// How many processors the calling thread may use.
    private static func processors() throws -> Int {
        let line = try TextFile.read("/proc/thread-self/status").split(separator: "\n")
            .first { $0.hasPrefix("Cpus_allowed:") }
        let digits = try #require(line).split(whereSeparator: \.isWhitespace).last ?? ""
        return digits.compactMap { $0.hexDigitValue?.nonzeroBitCount }.reduce(0, +)
    }

    /// Seconds the calling thread has used.
    private static func processorTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    @Test("a thread that is moved away has all processors but one until it may go anywhere; whoever moves it keeps all")
    func movedAway() throws {
        let ours = try Self.processors()
        let (order, seen) = (Monitor(0), Monitor<[Int]>([]))
        let thread = try WorkerThread {
            for step in 1...2 {
                order.waitFor { $0 >= step ? () : nil }
                let count: Int
                do { count = try Self.processors() } catch { count = -1 }
                seen.withLock { $0.append(count) }
            }
        }
        thread.moveAway()
        order.withLock { $0 = 1 }
        seen.waitFor { $0.count == 1 ? () : nil }
        thread.moveAnywhere()
        order.withLock { $0 = 2 }
        thread.join()
        #expect(seen.withLock { $0 } == [max(1, ours - 1), ours])
        #expect(try Self.processors() == ours)
    }

    @Test("a thread that has ended is not moved, and nor is whoever would have moved it")
    func ended() throws {
        let ours = try Self.processors()
        let thread = try WorkerThread {}
        thread.join()
        thread.moveAway()
        #expect(try Self.processors() == ours)
        thread.moveAnywhere()
        #expect(try Self.processors() == ours)
    }

    @Test("a task may use every processor that its launch may, in the thread that made it and beside it")
    func inherited() throws {
        let host = try TestHost()
        let ours = try ObservedProcess.host.status("Cpus_allowed_list")
        let running = try host.detached(["sleep", "600"])
        #expect(try running.task().status("Cpus_allowed_list") == ours)
        #expect(try running.initProcess.status("Cpus_allowed_list") == ours)
    }

    @Test("a change is seen by who waits awake, and by who has run out of patience", arguments: [0, 1, 10_000_000])
    func patience(_ microseconds: UInt32) throws {
        let state = Monitor(0)
        let thread = try WorkerThread {
            for step in 1...20 {
                Interval.pass(milliseconds: 1)
                state.withLock { $0 = step }
            }
        }
        for step in 1...20 {
            let seen = state.waitFor(Patience(microseconds: microseconds)) { $0 >= step ? $0 : nil }
            #expect(seen >= step)
        }
        thread.join()
    }

    @Test("who waits awake sleeps when nothing comes: waiting long takes hardly any processor time")
    func sleepsInTheEnd() throws {
        let state = Monitor(false)
        let isImpatient = Monitor(false)
        let thread = try WorkerThread {
            let deadline = Deadline(seconds: 60)
            while !deadline.hasPassed, !isImpatient.withLock({ $0 }) { Interval.pass(milliseconds: 5) }
            Interval.pass(milliseconds: 500)
            state.withLock { $0 = true }
        }
        let before = Self.processorTime()
        state.waitFor(Patience(microseconds: 1_000), impatient: { isImpatient.withLock { $0 = true } }) {
            $0 ? () : nil
        }
        #expect(isImpatient.withLock { $0 })
        #expect(Self.processorTime() - before < 0.2)
        thread.join()
    }
}
