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

    @Test("a line written later does not hide that others were removed", arguments: [1, 3])
    func truncatedThenUsed(_ count: Int) throws {
        try fill(6)
        try replace(try read().split(separator: "\n").dropLast(count).joined(separator: "\n") + "\n")
        try log.append("launch", ["container": "later"])
        let fault = try #require(try log.verify().fault)
        #expect(fault.contains("entries \(7 - count) to 6 are missing"), "\(fault)")
    }

    @Test("a log that was emptied or removed is missed, also after the next line", arguments: [true, false])
    func emptied(_ removed: Bool) throws {
        try fill(4)
        if removed { try TreeRemoval.remove(scratch.path + "/log") } else { try replace("") }
        #expect(try log.verify().fault?.contains("the end is missing") == true)
        try log.append("launch", ["container": "later"])
        #expect(try log.verify().fault?.contains("entries 1 to 4 are missing") == true)
    }

    @Test("the file that says where it ends is missed")
    func headless() throws {
        try fill(3)
        try TreeRemoval.remove(scratch.path + "/head")
        #expect(try log.verify().fault?.contains("where the log ends is missing") == true)
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

    @Test(
        "a file put aside is missed when it is gone, changed or given another place",
        arguments: ["gone", "changed", "last"])
    func rotatedTampered(_ how: String) throws {
        let folder = try OwnedDescriptor.open(RawPath(scratchMade()), [.directory])
        for number in 1...3 {
            try fill(2)
            try folder.rename("log", to: RawPath("log.0000000000000000000\(number * 2)"))
        }
        try log.append("launch", ["container": "last"])
        #expect(try log.verify().fault == nil)
        let middle = "log.00000000000000000004"
        switch how {
        case "gone": try folder.unlink(RawPath(middle))
        case "changed": try replace(try read(middle).replacing("c1", with: "c7"), name: middle)
        default: try folder.rename(RawPath(middle), to: "log.00000000000000000009")
        }
        #expect(try log.verify().fault != nil)
    }

    private func scratchMade() throws -> String {
        try Directories.makeAll(scratch.path, mode: 0o700)
        return scratch.path
    }

    @Test("a full file is put aside by itself and the chain goes on")
    func rotates() throws {
        try fill(2)
        let file = try OwnedDescriptor.open(RawPath(scratch.path + "/log"), [.writeOnly, .append])
        // A line of 16 MiB that is no entry, and a whole one behind it: only the size counts.
        try file.write(String(repeating: " ", count: Int(AuditLog.fileBytesMax)) + "\n")
        try log.append("launch", ["container": "c3"])
        try log.append("launch", ["container": "c4"])
        let names = try OwnedDescriptor.open(RawPath(scratch.path), [.directory]).entries().map(\.name.description)
        #expect(names.count { $0.hasPrefix("log.") } == 1 && names.contains("log"), "\(names)")
    }

    @Test("what it has of one container is given from its launch on, over several files")
    func aboutOne() throws {
        try log.append("launch", ["container": "a"])
        try log.append("exec", ["container": "a", "user": "0:0"])
        try log.append("launch", ["container": "b", "name": "a"])
        try OwnedDescriptor.open(RawPath(scratch.path), [.directory]).rename("log", to: "log.00000000000000000003")
        try log.append("exec", ["container": "a", "user": "7:7"])
        #expect(try log.entries(about: "a")?.map(\.event) == ["launch", "exec", "exec"])
        #expect(try log.entries(about: "nobody") == nil)
    }

    /// The end is looked for in the last 4 KiB first.
    @Test("lines of any length are followed", arguments: [1, 3, 4, 8, 14])
    func long(_ texts: Int) throws {
        let details = (0..<texts).map { ("text \($0)", String(repeating: "x", count: 1_000)) }
        for number in 1...4 {
            try log.append("refusal", Dictionary(uniqueKeysWithValues: details))
            try fill(1)
            #expect(try log.verify().last == Int64(2 * number))
        }
        try log.append("refusal", Dictionary(uniqueKeysWithValues: details))
        try replace(String(try read().dropLast(10)))
        try log.append("launch", ["container": "after"])
        let result = try log.verify()
        #expect(result.fault == nil && result.torn == 1 && result.last == 9)
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

    @Test("a line is known again by its number and hash alone, whatever its texts say")
    func known() {
        for text in ["c1", "\"hash\":\"0\",\"prev\":\"1\"", "ü\n\\", ""] {
            let entry = AuditLogEntry(
                sequence: 12, time: 1_700_000_000_000, event: "launch", details: ["container": .string(text)],
                previous: AuditLogEntry.firstPrevious)
            let line = Array(entry.line.utf8.dropLast()), hash = entry.hash
            #expect(AuditLogEntry.isEntry(line[...], sequence: 12, hash: hash))
            #expect(!AuditLogEntry.isEntry(line[...], sequence: 1, hash: hash))
            #expect(!AuditLogEntry.isEntry(line[...], sequence: 12, hash: AuditLogEntry.firstPrevious))
            #expect(!AuditLogEntry.isEntry(line.dropLast(), sequence: 12, hash: hash))
            #expect(!AuditLogEntry.isEntry(line[...][..<4], sequence: 12, hash: hash))
            for place in [2, line.count - 3] {
                var changed = line
                changed[place] ^= 1
                #expect(!AuditLogEntry.isEntry(changed[...], sequence: 12, hash: hash))
            }
        }
    }

    @Test("a last line that is not the one that was written is taken for one that was cut off")
    func exchanged() throws {
        try fill(3)
        let lines = try read().split(separator: "\n").map(String.init)
        try replace((lines.dropLast() + [lines[2].replacing("c3", with: "c9")]).joined(separator: "\n") + "\n")
        try fill(1)
        let result = try log.verify()
        #expect(result.torn == 1 && result.entries == 3)
    }
}
