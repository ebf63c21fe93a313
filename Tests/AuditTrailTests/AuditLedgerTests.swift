import AuditFormat
import AuditTrail
import Diagnostics
import LinuxKernel
import Synchronization
import Testing

@Suite("Entries of the log that others can repeat")
struct AuditLedgerTests {
    private final class Clock: Sendable {
        private let seconds = Mutex(0.0)
        var now: Double { seconds.withLock { $0 } }
        func advance(_ by: Double) { seconds.withLock { $0 += by } }
    }

    /// Removed with the test.
    private final class Scratch {
        let path: String
        init() {
            path = (ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp") + "/ledger-\(KernelRandom.uuid())"
        }
        deinit {
            guard HostFacts.exists(path) else { return }
            do { try TreeRemoval.remove(path) } catch { Issue.record("\(path) stays: \(error)") }
        }
    }

    private let scratch = Scratch()
    private let clock = Clock()
    private let ledger: AuditLedger

    init() {
        let clock = clock
        ledger = AuditLedger(AuditLog(directory: scratch.path), clock: { clock.now })
    }

    private func entries() throws -> [AuditLogEntry] {
        #expect(try AuditLog(directory: scratch.path).verify().fault == nil)
        return try TextFile.read(scratch.path + "/log", limit: 1 << 22).split(separator: "\n").map {
            try #require(AuditLogEntry(line: Array($0.utf8)))
        }
    }

    private func refuse(_ caller: String, container: String = "c", call: String = "attach-output") throws {
        let details = ["caller": caller, "call": call, "container": container, "message": "no"]
        try ledger.append("refusal", details, distinct: ["caller", "call"])
    }

    @Test("the first is written at once, its repetitions are counted, and the next line says how many")
    func repeated() throws {
        for number in 1...1_000 { try refuse("eve", container: "c\(number)") }
        #expect(try entries().map { $0.details["container"]?.text } == ["c1"])
        clock.advance(AuditLedger.interval)
        try refuse("eve", container: "last")
        let found = try entries()
        #expect(found.map { $0.details["container"]?.text } == ["c1", "last"])
        #expect(found.map { $0.details["leftOut"]?.text } == [nil, "999"])
        try ledger.settle()
        #expect(try entries().count == 2)
    }

    @Test("callers and calls are counted apart")
    func apart() throws {
        for caller in ["eve", "mallory"] {
            for call in ["session", "attach-output"] {
                for _ in 0..<3 { try refuse(caller, call: call) }
            }
        }
        #expect(try entries().count == 4)
    }

    @Test("what nobody repeats any more is told by the next entry of any kind", arguments: [true, false])
    func told(byLaunch: Bool) throws {
        for _ in 0..<5 { try refuse("eve") }
        try ledger.append("launch", ["container": "early"])
        clock.advance(AuditLedger.interval)
        if byLaunch { try ledger.append("launch", ["container": "late"]) } else { try refuse("mallory") }
        let found = try entries()
        #expect(found.map(\.event) == ["refusal", "launch", "repeated", byLaunch ? "launch" : "refusal"])
        let count = try #require(found.first { $0.event == "repeated" }).details
        #expect(count["of"] == "refusal" && count["caller"] == "eve" && count["leftOut"] == "4", "\(count)")
    }

    @Test("what is counted is told when the process ends")
    func settled() throws {
        for _ in 0..<5 { try refuse("eve") }
        try ledger.settle()
        try ledger.settle()
        #expect(try entries().map { $0.details["leftOut"]?.text } == [nil, "4"])
    }

    @Test("launches are always written, however many are the same")
    func launches() throws {
        for _ in 0..<20 { try ledger.append("launch", ["container": "c"]) }
        #expect(try entries().count == 20)
    }

    @Test("one caller fills neither the log nor the place of others, whatever it varies")
    func crowded() throws {
        for number in 0..<200 { try refuse("eve", call: "call \(number)") }
        try refuse("mallory")
        let before = try entries()
        #expect(before.count < 30 && before.last?.details["caller"] == "mallory")
        clock.advance(AuditLedger.interval)
        try ledger.append("launch", ["container": "c"])
        let counted = try entries().filter { $0.event == "repeated" }
        let count = try #require(counted.first, "\(counted)").details
        #expect(counted.count == 1 && count["caller"] == "eve" && count["call"] == nil)
        // Every call has a line of its own or is in the count.
        #expect(before.count - 1 + (Int(count["leftOut"]?.text ?? "") ?? 0) == 200)
    }

    @Test("many callers together have a budget too, and what is beyond it is one count")
    func budget() throws {
        for number in 0..<5_000 { try refuse("caller \(number)") }
        try ledger.append("exec", ["container": "c", "program": "sh"], distinct: ["container", "program"])
        #expect(try entries().last?.details["container"] == "c")
        let before = try entries().count - 1
        #expect(before < 4_200)
        clock.advance(AuditLedger.interval)
        try ledger.append("launch", ["container": "c"])
        let count = try #require(try entries().first { $0.event == "repeated" }).details
        #expect(before + (Int(count["leftOut"]?.text ?? "") ?? 0) == 5_000)
        try refuse("caller 4999")
        #expect(try entries().last?.details["caller"] == "caller 4999")
    }

    @Test("long texts of others are cut, and say so")
    func cut() throws {
        let details = ["caller": "eve", "message": String(repeating: "é", count: 100_000)]
        try ledger.append("refusal", details, distinct: ["caller"])
        let message = try #require(try entries().first?.details["message"]?.text)
        #expect(message.utf8.count < 300 && message.hasSuffix("(cut, of 200000 bytes)"), "\(message)")
    }

    @Test("what could not be written is not taken for written")
    func unwritable() throws {
        let nowhere = AuditLedger(AuditLog(directory: "/proc/self/nowhere"), clock: { 0 })
        for _ in 0..<3 {
            #expect { try nowhere.append("exec", ["container": "c"], distinct: ["container"]) } throws: {
                ($0 as? Failure)?.code == "audit.unwritable"
            }
        }
    }
}
