import Foundation
import Testing

/// The files of this repository, as text.
enum Repository {
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    struct File: Sendable, CustomTestStringConvertible {
        var path: String
        var text: String
        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        var testDescription: String { path }

        /// `Formats` for Sources/Formats/OCIFormat/Digest.swift.
        var layer: String { String(path.split(separator: "/").dropFirst().first ?? "") }
        var module: String { String(path.split(separator: "/").dropFirst(2).first ?? "") }

        /// Modules named in import declarations.
        var imports: Set<String> {
            var result: Set<String> = []
            for line in lines {
                var words = line.split(separator: " ")
                while let first = words.first, first.hasPrefix("@") || first == "public" || first == "internal" {
                    words.removeFirst()
                }
                guard words.first == "import", words.count > 1 else { continue }
                result.insert(String(words[words.count > 2 ? 2 : 1].prefix { $0 != "." }))
            }
            return result
        }
    }

    /// Every file below `folder` whose name ends in one of `endings`, in order of its path.
    static func files(in folder: String, _ endings: [String]) -> [File] {
        let base = root.appending(path: folder)
        guard let walk = FileManager.default.enumerator(at: base, includingPropertiesForKeys: nil) else { return [] }
        var result: [File] = []
        for case let url as URL in walk where endings.contains(where: { url.lastPathComponent.hasSuffix($0) }) {
            if url.path.hasSuffix("/images/out") { walk.skipDescendants() }  // hundreds of megabytes, not ours
            guard let data = FileManager.default.contents(atPath: url.path) else { continue }
            let path = String(url.path.dropFirst(root.path.count)).drop { $0 == "/" }
            result.append(File(path: String(path), text: String(decoding: data, as: UTF8.self)))
        }
        return result.sorted { $0.path < $1.path }
    }

    static let swift = files(in: "Sources", [".swift"])
    static let launcher = files(in: "Sources/Launcher", [".c", ".h"])
    static let tests = files(in: "Tests", [".swift"])
    static let documents =
        files(in: "Docs", [".md"])
        + ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"].compactMap { name in
            FileManager.default.contents(atPath: root.appending(path: name).path)
                .map { File(path: name, text: String(decoding: $0, as: UTF8.self)) }
        }
    static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: root.appending(path: path).path) ?? Data(), as: UTF8.self)
    }
}
