import Foundation
import Testing

@Suite("The guide to SchedulerKit", .timeLimit(.minutes(5)))
struct GuideTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test("it shows the example as it is, and that is a framework in under 60 lines")
    func example() throws {
        let example = try Self.text("Sources/Programs/example-framework/ExampleFramework.swift")
        #expect(try Self.text("Docs/Reference/SchedulerKit.md").contains("```swift\n\(example)```"))
        #expect(example.split(separator: "\n", omittingEmptySubsequences: false).count < 60)
    }
}
