import Foundation
import SeccompFormat
import Testing

@Suite("Docs/Seccomp.md")
struct SeccompDocumentTests {
    /// Set BULKHEAD_REGENERATE=1 to write the page instead of comparing it.
    @Test("the page says what the tables say")
    func isCurrent() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = root.appending(path: "Docs/Seccomp.md")
        if ProcessInfo.processInfo.environment["BULKHEAD_REGENERATE"] == "1" {
            try SeccompDocument.text.write(to: page, atomically: true, encoding: .utf8)
        }
        let written = try String(contentsOf: page, encoding: .utf8)
        #expect(written == SeccompDocument.text, "run BULKHEAD_REGENERATE=1 swift test --filter SeccompDocumentTests")
    }

    @Test(
        "every line of the tables gives a reason, and it is a sentence",
        arguments: [
            DefaultTable.groups, DefaultTable.strictGroups, InitFilter.groups, UnpackerFilter.groups,
            VerifierFilter.groups,
        ])
    func reasons(groups: [CallGroup]) {
        for group in groups {
            #expect(group.why.hasSuffix("."), "\(group.title)")
            #expect(!group.allowed.isEmpty || !group.decisions.isEmpty, "\(group.title)")
            for decision in group.decisions { #expect(decision.reason.hasSuffix("."), "\(decision.call)") }
        }
    }

    @Test(
        "no call is decided twice in one table",
        arguments: [
            DefaultTable.groups, DefaultTable.strictGroups, InitFilter.groups, UnpackerFilter.groups,
            VerifierFilter.groups,
        ])
    func unique(groups: [CallGroup]) {
        let calls = groups.flatMap { $0.allowed + $0.decisions.map(\.call) }
        #expect(Set(calls).count == calls.count)
    }
}
