import Glibc
import HostileArchives
import LinuxKernel
import Testing

/// A directory of a test's own, with a canary that nothing may touch and a place for layers beside it.
final class Sandbox {
    let path: String
    let root: OwnedDescriptor
    private let name: RawPath
    private let parent: OwnedDescriptor
    let surroundings: Surroundings
    private var before: TreeSnapshot?
    /// Layers that are images, by what they show. Kept, so that no two have the same identifier.
    var images: [ObjectIdentifier: (layer: OwnedDescriptor, image: OwnedDescriptor)] = [:]

    init() throws {
        parent = try OwnedDescriptor.open("/var/tmp", [.directory])
        var number = UInt32.random(in: 0...UInt32.max)
        while try parent.exists(RawPath("bulkhead-unpack-\(number)")) { number = UInt32.random(in: 0...UInt32.max) }
        name = RawPath("bulkhead-unpack-\(number)")
        try parent.makeDirectory(name, mode: 0o700)
        root = try parent.open(name, [.directory])
        path = "/var/tmp/\(name)"
        surroundings = Surroundings(canary: path + "/canary")
        try makeCanary()
        before = try canary()
    }

    deinit {
        do { try TreeRemoval.remove(name, in: parent) } catch { print("left behind: \(path): \(error)") }
    }

    private func makeCanary() throws {
        try root.makeDirectory("canary", mode: 0o750)
        let canary = try root.open("canary", [.directory])
        try write("secret", "the host's secret", mode: 0o600, in: canary)
        try write("setuid", "program", mode: 0o4755, in: canary)
        try canary.makeDirectory("sub", mode: 0o755)
        let sub = try canary.open("sub", [.directory])
        try write("file", "content", mode: 0o644, in: sub)
        try sub.open("file", [.readWrite]).setAttribute("user.canary", to: [1, 2, 3])
        try canary.makeLink("link", to: "sub/file")
        try canary.makeHardLink("hard", to: "file", in: sub)
        try canary.makeNode("fifo", kind: .fifo, mode: 0o600)
        try canary.setModified(seconds: 1_000_000_000, nanoseconds: 5)
    }

    private func write(_ name: RawPath, _ text: String, mode: UInt32, in directory: OwnedDescriptor) throws {
        let file = try directory.open(name, [.writeOnly, .create, .exclusive], mode: mode)
        try file.write(text)
        try file.changeMode(mode)
        try file.setModified(seconds: 1_500_000_000, nanoseconds: 7)
    }

    func canary() throws -> TreeSnapshot { try TreeSnapshot(of: try root.open("canary", [.directory])) }

    /// What differs in the canary and beside the layers from when the sandbox was made.
    func damage() throws -> [String] {
        let known = ["canary"]
        let strangers = try root.entries().map(\.name.description).filter { !known.contains($0) && !own.contains($0) }
        return (try canary().differences(from: try #require(before))) + strangers
    }

    private var own: Set<String> = []

    /// A new empty directory beside the canary.
    func makeDirectory(_ name: String) throws -> OwnedDescriptor {
        own.insert(name)
        try root.makeDirectory(RawPath(name), mode: 0o755)
        return try root.open(RawPath(name), [.directory])
    }

    /// A file beside the canary, open for reading at its start.
    func makeFile(_ name: String, _ content: [UInt8]) throws -> OwnedDescriptor {
        own.insert(name)
        let file = try root.open(RawPath(name), [.readWrite, .create, .truncate], mode: 0o600)
        try file.write(content)
        try file.seek(to: 0)
        return file
    }
}
