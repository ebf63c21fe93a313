import ClusterAPI
import Foundation
import Testing

/// Documents kept as files, one to a line, each under a title. `BULKHEAD_WRITE_GOLDENS=1` writes them anew: read the
/// difference before keeping it.
enum Golden {
    struct Document {
        var title: String
        var bytes: [UInt8]
    }

    static func expect(
        _ name: String, _ documents: [Document], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(name).jsonl")
        let lines = documents.map { "\($0.title)\t" + String(decoding: $0.bytes, as: UTF8.self) }
        if ProcessInfo.processInfo.environment["BULKHEAD_WRITE_GOLDENS"] == "1" {
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
        }
        let kept = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(kept.count == lines.count, sourceLocation: sourceLocation)
        for (line, golden) in zip(lines, kept) { #expect(line == golden, sourceLocation: sourceLocation) }
    }
}
