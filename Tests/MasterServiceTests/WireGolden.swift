import Foundation
import RawHTTP
import Testing

/// Answers kept as a file, one to a line: a title, the status, the type, the body. What no two runs have in common
/// (ids, times, ports) stands there as a word. `BULKHEAD_WRITE_GOLDENS=1` writes the file anew: read the difference
/// before keeping it.
struct WireGolden {
    private let name: String
    private let port: Int
    private var lines: [String] = []

    init(_ name: String, port: Int) {
        self.name = name
        self.port = port
    }

    mutating func add(_ title: String, _ response: RawResponse) {
        lines.append("\(title)\t\(response.status) \(response["Content-Type"] ?? "-")\t\(steady(response.body))")
    }

    mutating func add(_ title: String, _ text: String) { lines.append("\(title)\t\(steady(text))") }

    func expect(sourceLocation: SourceLocation = #_sourceLocation) throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(name).tsv")
        if ProcessInfo.processInfo.environment["BULKHEAD_WRITE_GOLDENS"] == "1" {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
        }
        let kept = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(kept.count == lines.count, sourceLocation: sourceLocation)
        for (line, golden) in zip(lines, kept) { #expect(line == golden, sourceLocation: sourceLocation) }
    }

    private func steady(_ text: String) -> String {
        var text = text.replacing("\n", with: "\\n")
        text = text.replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "@UUID")
        text = text.replacing(/"([a-z_]*time|timestamp|nanoseconds)":[-+0-9.eE]+/) { "\"\($0.1)\":\"@TIME\"" }
        text = text.replacing(":\(port)", with: ":@PORT")
        return text
    }
}
