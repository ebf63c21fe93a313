import Containers
import Foundation
import Testing

@testable import Isolation

/// The benchmarks' floor is compared with what we do, so it must make what we make: Docs/Decisions/0159.
@Suite("The floor of the benchmarks")
struct FloorTests {
    /// What stands between the braces after `declaration`.
    private static func list(_ declaration: String) throws -> Substring {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Benchmarks/floor.c")
        let text = try String(contentsOf: file, encoding: .utf8)
        let start = try #require(text.range(of: declaration + "[] = {"))
        let end = try #require(text.range(of: "};", range: start.upperBound..<text.endIndex))
        return text[start.upperBound..<end.lowerBound]
    }

    private static func paths(_ declaration: String) throws -> [String] {
        try list(declaration).matches(of: /"([^"]+)"/).map { String($0.1) }
    }

    @Test("masks what a container masks by default, in the same order")
    func masked() throws {
        #expect(try Self.paths("masked").map { "/" + $0 } == DefaultPaths.masked)
    }

    @Test("seals what a container seals by default, in the same order")
    func sealed() throws {
        #expect(try Self.paths("sealed").map { "/proc/" + $0 } == DefaultPaths.readOnly)
    }

    @Test("sets the limits a container has by default")
    func limits() throws {
        let found = try Self.list("limit").matches(of: /RLIMIT_([A-Z]+), \{ (\d+), (\d+) \}/)
        let floor = found.map { "\($0.1.lowercased()) \($0.2) \($0.3)" }
        #expect(floor == ResourceLimitIsolator.defaults.map { "\($0.name) \($0.soft ?? 0) \($0.hard ?? 0)" })
    }
}
