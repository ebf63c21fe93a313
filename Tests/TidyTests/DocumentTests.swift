import Foundation
import Testing

@Suite("Documents")
struct DocumentTests {
    @Test("every relative link leads somewhere", arguments: Repository.documents)
    func links(_ file: Repository.File) throws {
        let folder = Repository.root.appending(path: file.path).deletingLastPathComponent()
        for match in file.text.matches(of: /\]\(([^)#:\s]+)(#[^)]*)?\)/) {
            let target = folder.appending(path: String(match.1)).standardizedFileURL.path
            #expect(FileManager.default.fileExists(atPath: target), "\(file.path) links to \(match.1)")
        }
    }

    @Test(
        "the documents a newcomer looks for are there",
        arguments: [
            "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", ".ci/run",
            "Docs/ARCHITECTURE.md", "Docs/STYLE.md", "Docs/HACKING.md", "Docs/SECURITY.md", "Docs/TASK-LAUNCH.md",
            "images/README.md",
        ])
    func present(_ path: String) { #expect(!Repository.text(path).isEmpty, "\(path)") }

    @Test("the README shows the two commands before anything else")
    func commands() throws {
        let start = Repository.text("README.md").prefix(1_600)
        #expect(start.contains("make run") && start.contains("make test"))
    }

    @Test("continuous integration runs what the README says")
    func integration() { #expect(Repository.text(".ci/run").contains("make test")) }

    @Test("every file the launch is told along exists")
    func launchLine() {
        let text = Repository.text("Docs/TASK-LAUNCH.md")
        let paths = text.matches(of: /`(Sources\/[^`]+\.(swift|c|h))`/).map { String($0.1) }
        #expect(paths.count >= 10)
        for path in paths { #expect(!Repository.text(path).isEmpty, "\(path)") }
    }

    /// Whether a path in `text` begins with `part`; within a longer path it is something else.
    private static func names(_ part: String, in text: String) -> Bool {
        text.ranges(of: part).contains { range in
            guard range.lowerBound > text.startIndex else { return true }
            let before = text[text.index(before: range.lowerBound)]
            return !(before.isLetter || before.isNumber || ")}_-".contains(before))
        }
    }

    @Test("the project stands alone: it names no place outside itself")
    func standsAlone() {
        let parts = ["../sha" + "red", "/wo" + "rk/"]
        let files =
            Repository.swift + Repository.tests + Repository.documents + Repository.launcher
            + Repository.files(in: "images", [""]) + Repository.files(in: ".ci", [""])
        for file in files where !file.path.hasPrefix("images/out") {
            for part in parts { #expect(!Self.names(part, in: file.text), "\(file.path) names \(part)") }
        }
    }
}
