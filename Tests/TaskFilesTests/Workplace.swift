import DurableStorage
import LinuxKernel
import Testing

@testable import TaskFiles

/// A work directory of its own, gone with the object.
final class Workplace: Sendable {
    let path: String
    let work: WorkDirectory

    init() throws {
        path = "/tmp/bulkhead-taskfiles-" + RandomName.make()
        work = try WorkDirectory(path)
    }

    deinit {
        do { try TreeRemoval.remove(path) } catch { print("left behind: \(path): \(error)") }
    }

    func write(_ text: String, to name: String) throws {
        let file = try OwnedDescriptor.open(RawPath("\(path)/\(name)"), [.writeOnly, .create, .append], mode: 0o644)
        try file.write(text)
    }

    func text(_ name: String) throws -> String { try TextFile.read("\(path)/\(name)") }

    func status(_ name: String) throws -> FileStatus {
        try OwnedDescriptor.open(RawPath(path), [.directory]).status(of: RawPath(name))
    }

    func exists(_ name: String) throws -> Bool {
        try OwnedDescriptor.open(RawPath(path), [.directory]).exists(RawPath(name))
    }

    static let run = "slaves/A-S0/frameworks/F-1/executors/job:1 ü/runs/c1"

    /// A sandbox of the usual form; its host path.
    @discardableResult
    func sandbox(user: String? = "root") throws -> String {
        let runs = "\(path)/slaves/A-S0/frameworks/F-1/executors/job:1 ü/runs"
        try work.prepare(
            .init(path: runs + "/c1", user: user, links: [.init(path: runs + "/latest", target: "c1")]))
        return runs + "/c1"
    }

    /// The program SwiftPM built beside this test bundle.
    static func unpacker() throws -> String {
        let bundle = try #require(HostFacts.linkTarget("/proc/self/exe"))
        let candidates = [bundle] + CommandLine.arguments
        let found = candidates.map { path in
            path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/bulkhead-unpack"
        }.first { HostFacts.exists($0) }
        return try #require(found, "bulkhead-unpack is not built")
    }
}
