import DurableStorage
import Glibc
import HostileArchives
import ImageStorage
import LinuxKernel
import OCIFormat
import Testing

/// A directory of a test's own with a store in it, gone when the test is.
final class StoreSandbox {
    let path: String
    let store: ImageStore
    private let name: RawPath
    private let parent: OwnedDescriptor

    init(limits: ImageLimits = .standard, unpacker: Unpacker? = nil) throws {
        parent = try OwnedDescriptor.open("/dev/shm", [.directory])
        let name = "bulkhead-images-" + RandomName.make()
        try parent.makeDirectory(RawPath(name), mode: 0o700)
        self.name = RawPath(name)
        path = "/dev/shm/" + name
        store = try ImageStore(root: path + "/store", unpacker: try unpacker ?? Self.unpacker(), limits: limits)
    }

    deinit {
        do { try TreeRemoval.remove(name, in: parent) } catch { print("left behind: \(path): \(error)") }
    }

    /// BULKHEAD_UNPACK, or the program SwiftPM built beside this test bundle.
    static func unpacker() throws -> Unpacker {
        if let chosen = getenv("BULKHEAD_UNPACK") { return Unpacker(program: String(cString: chosen)) }
        let bundle = try #require(HostFacts.linkTarget("/proc/self/exe"))
        let candidates = ([bundle] + CommandLine.arguments).map { path in
            path.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/bulkhead-unpack"
        }
        return Unpacker(
            program: try #require(candidates.first { HostFacts.exists($0) }, "bulkhead-unpack is not built"))
    }

    /// Another opening of the same store, as another process would.
    func reopened() throws -> ImageStore { try ImageStore(root: store.path, unpacker: try Self.unpacker()) }

    @discardableResult
    func write(_ name: String, _ content: [UInt8]) throws -> String {
        try OwnedDescriptor.open(RawPath("\(path)/\(name)"), [.writeOnly, .create, .truncate], mode: 0o600).write(
            content)
        return "\(path)/\(name)"
    }

    @discardableResult
    func importArchive(_ content: [UInt8], as file: String = "image.tar", name: String? = nil) throws -> [ImageSummary]
    {
        try store.importImages(ImportRequest(source: .path(try write(file, content)), name: name))
    }

    /// Every path in the store with its kind, size and content's digest; lock files and times left out.
    func contents() throws -> [String] {
        var lines: [String] = []
        var pending = [("", try OwnedDescriptor.open(RawPath(store.path), [.directory]))]
        while let (prefix, directory) = pending.popLast() {
            for entry in try directory.entries() {
                let path = prefix + entry.name.description
                let status = try directory.status(of: entry.name)
                if status.kind == .directory {
                    pending.append((path + "/", try directory.open(entry.name, [.directory, .noFollow])))
                    lines.append(path + "/")
                } else if status.kind == .regular {
                    if path == "lock" || path.hasPrefix("locks/") { continue }
                    let content = try directory.open(entry.name, [.readOnly, .noFollow]).readAll(limit: 64 << 20)
                    lines.append("\(path) \(status.size) \(Digest(of: content).short)")
                } else {
                    lines.append("\(path) \(status.kind)")
                }
            }
        }
        return lines.sorted()
    }

    /// A text file of the image's topmost layer that has it.
    func read(_ file: String, of image: StoredImage) throws -> String? {
        for layer in image.layers.reversed() where HostFacts.exists("\(layer)/\(file)") {
            return try TextFile.read("\(layer)/\(file)")
        }
        return nil
    }

    /// Proves that what happened before did no harm: an ordinary image imports, and its file is there.
    func expectGoodImageImports() throws {
        var recipe = ImageRecipe()
        recipe.layers = [.files(["etc/good": "good as ever"])]
        try importArchive(recipe.dockerArchive(), as: "good-after.tar")
        #expect(try read("etc/good", of: try store.resolve("good-after")) == "good as ever")
        _ = try store.remove("good-after")
    }
}
