import AuditFormat
import AuditTrail
import Diagnostics
import LinuxKernel
import Testing

@Suite("The log of launches")
struct AuditLogTests {
    private let log: AuditLog
    private let scratch: Scratch

    /// Removed with the test.
    private final class Scratch {
        let path: String
        init() throws {
            path = (ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp") + "/audit-log-\(KernelRandom.uuid())"
        }
        deinit {
            guard HostFacts.exists(path) else { return }
            do { try TreeRemoval.remove(path) } catch { Issue.record("\(path) stays: \(error)") }
        }
    }

    init() throws {
        scratch = try Scratch()
        log = AuditLog(directory: scratch.path)
    }

    private func read(_ name: String = "log") throws -> String { try TextFile.read(scratch.path + "/" + name) }

    private func replace(_ text: String, name: String = "log") throws {
        let file = try OwnedDescriptor.open(RawPath(scratch.path + "/" + name), [.writeOnly, .truncate])
        try file.write(text)
    }

    private func fill(_ count: Int) throws {
        for number in 1...count { try log.append("launch", ["container": "c\(number)"]) }
    }

    @Test("every line follows the one before")
    func whole() throws {
        try fill(20)
        let result = try log.verify()
        #expect(result.fault == nil && result.entries == 20 && result.first == 1 && result.last == 20)
    }

    @Test("a changed, a missing and an exchanged line are found", arguments: ["change", "remove", "swap"])
    func tampered(_ how: String) throws {
        try fill(6)
        var lines = try read().split(separator: "\n").map(String.init)
        switch how {
        case "change": lines[2] = lines[2].replacing("c3", with: "c9")
        case "remove": lines.remove(at: 2)
        default: lines.swapAt(2, 3)
        }
        try replace(lines.joined(separator: "\n") + "\n")
        #expect(try log.verify().fault != nil)
    }

    @Test("lines cut off at the end are missed")
    func truncated() throws {
        try fill(6)
        let lines = try read().split(separator: "\n").dropLast(2)
        try replace(lines.joined(separator: "\n") + "\n")
        let fault = try #require(try log.verify().fault)
        #expect(fault.contains("the end is missing"))
    }

    @Test("what a power failure cut off is accounted for by the next line")
    func torn() throws {
        try fill(3)
        let text = try read()
        let last = text.split(separator: "\n").last.map { $0.count / 2 } ?? 0
        try replace(String(text.dropLast(last)))
        try log.append("launch", ["container": "after"])
        let result = try log.verify()
        #expect(result.fault == nil && result.torn == 1 && result.last == 3)
    }

    @Test("many writers make one chain")
    func concurrent() async throws {
        let log = log
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<8 {
                group.addTask {
                    for number in 0..<25 {
                        do throws(Failure) { try log.append("exec", ["container": "\(writer)-\(number)"]) } catch {
                            Issue.record("\(error)")
                        }
                    }
                }
            }
        }
        let result = try log.verify()
        #expect(result.fault == nil && result.entries == 200)
    }

    @Test("the chain goes on in the next file")
    func rotated() throws {
        try fill(3)
        try OwnedDescriptor.open(RawPath(scratch.path), [.directory]).rename("log", to: "log.00000000000000000003")
        try log.append("launch", ["container": "later"])
        let result = try log.verify()
        #expect(result.fault == nil && result.entries == 4 && result.last == 4)
    }

    @Test("texts are bounded")
    func bounded() throws {
        try log.append("refusal", ["message": String(repeating: "é", count: 100_000)])
        #expect(try read().utf8.count < 4_096)
        #expect(try log.verify().fault == nil)
    }

    @Test("what cannot be written is refused, not passed over")
    func unwritable() throws {
        let nowhere = AuditLog(directory: "/proc/self/nowhere")
        #expect { try nowhere.append("launch", [:]) } throws: { ($0 as? Failure)?.code == "audit.unwritable" }
    }
}
