import Foundation

/// Answers kept as a file, one to a line: a title, the status, the type, the body. What no two runs have in common
/// (ids, times, ports) stands there as a word. `BULKHEAD_WRITE_GOLDENS=1` writes the file anew: read the difference
/// before keeping it.
package struct WireGolden {
    private let file: URL
    private let port: Int
    private var lines: [String] = []

    /// The file is in `Goldens` beside the test's own.
    package init(_ name: String, port: Int, test: String = #filePath) {
        file = URL(filePath: test).deletingLastPathComponent().appending(path: "Goldens/\(name).tsv")
        self.port = port
    }

    package mutating func add(_ title: String, _ response: RawResponse) {
        lines.append("\(title)\t\(response.status) \(response["Content-Type"] ?? "-")\t\(steady(response.body))")
    }

    package mutating func add(_ title: String, _ text: String) { lines.append("\(title)\t\(steady(text))") }

    /// Lines that differ from the file's, each with what is there instead.
    package func differences() throws -> [String] {
        if ProcessInfo.processInfo.environment["BULKHEAD_WRITE_GOLDENS"] == "1" {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
        }
        let kept = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        let count = kept.count == lines.count ? [] : ["\(lines.count) lines instead of \(kept.count)"]
        return count + zip(lines, kept).filter { $0 != $1 }.map { "\($0)\nINSTEAD OF\n\($1)" }
    }

    private func steady(_ text: String) -> String {
        var text = text.replacing("\n", with: "\\n")
        text = text.replacing(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/, with: "@UUID")
        text = text.replacing(/"([a-z_]*time|timestamp|nanoseconds)":[-+0-9.eE]+/) { "\"\($0.1)\":\"@TIME\"" }
        text = text.replacing(":\(port)", with: ":@PORT")
        return text
    }
}
