import Diagnostics
import HostileArchives
import ImageStorage
import LinuxKernel
import OCIFormat
import Testing

@Suite("refusing images")
struct RefusalTests {
    @Test(
        "a hostile or broken image is refused, leaves nothing behind and does no harm to the next one",
        arguments: HostileImage.outerArchives + HostileImage.documents + HostileImage.blobs)
    func refuses(image: HostileImage) throws {
        let sandbox = try StoreSandbox(limits: image.limits)
        var earlier = ImageRecipe()
        earlier.layers = [.files(["earlier": "earlier"])]
        try sandbox.importArchive(earlier.dockerArchive(), name: "earlier")
        let before = try sandbox.contents()
        let failure = #expect(throws: Failure.self) { try sandbox.importArchive(image.archive()) }
        #expect(image.codes.contains(failure?.code.rawValue ?? ""), "\(failure?.description ?? "nothing")")
        #expect(failure?.alsoFailed == [])
        #expect(failure?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f } == true)
        #expect(try sandbox.contents() == before)
        #expect(!HostFacts.exists("/dev/shm/escaped"))
        if image.limits == .standard { try sandbox.expectGoodImageImports() }
    }

    @Test("a limit that refuses names itself", arguments: HostileImage.outerArchives + HostileImage.blobs)
    func namesLimit(image: HostileImage) throws {
        guard image.limits != .standard else { return }
        let sandbox = try StoreSandbox(limits: image.limits)
        let failure = #expect(throws: Failure.self) { try sandbox.importArchive(image.archive()) }
        #expect(failure?.limit != nil)
    }

    @Test("links inside the archive are followed by their text")
    func innerLinks() throws {
        let sandbox = try StoreSandbox()
        let recipe = ImageRecipe()
        let (first, second) = (HostileImage.hex, String(repeating: "cd", count: 32))
        var tar = TarBuilder()
        tar.add("\(first)/layer.tar", content: recipe.layers[0].blob)
        tar.add("\(second)/layer.tar", .link, link: "../\(first)/layer.tar")
        var twice = recipe
        twice.diffIDs = [recipe.layers[0].diffID, recipe.layers[0].diffID]
        tar.add("\(twice.configDigest.hex).json", content: twice.configText)
        tar.add(
            "manifest.json",
            text:
                #"[{"Config":"\#(twice.configDigest.hex).json","#
                + #""Layers":["\#(first)/layer.tar","\#(second)/layer.tar"]}]"#
        )
        try sandbox.importArchive(tar.ended(), name: "linked")
        #expect(try sandbox.store.resolve("linked").layers.count == 2)
    }

    @Test("127 layers are imported", arguments: [127])
    func manyLayers(count: Int) throws {
        let sandbox = try StoreSandbox()
        var recipe = ImageRecipe()
        recipe.layers = (0..<count).map { .files(["file\($0)": "\($0)"]) }
        try sandbox.importArchive(recipe.ociArchive(), name: "tall")
        let image = try sandbox.store.resolve("tall")
        #expect(image.layers.count == count)
        #expect(try TextFile.read(image.layers[count - 1] + "/file\(count - 1)") == "\(count - 1)")
    }

    @Test("a source that is not there, or an unpacker that is not, is a clear refusal")
    func missing() throws {
        let sandbox = try StoreSandbox()
        let failure = #expect(throws: Failure.self) {
            _ = try sandbox.store.importImages(ImportRequest(source: .path(sandbox.path + "/absent.tar")))
        }
        #expect(failure?.code == "image.source-unreadable")
        #expect(failure?.description.contains("ENOENT") == true)
        let bare = try StoreSandbox(unpacker: Unpacker(program: "/nonexistent/bulkhead-unpack"))
        let start = #expect(throws: Failure.self) { try bare.importArchive(ImageRecipe().dockerArchive()) }
        #expect(start?.code == "image.unpacker-start")
        #expect(try bare.contents().filter { !$0.hasSuffix("/") } == [])
    }

    @Test("a layout directory is read without following links, and only regular files")
    func hostileLayoutDirectory() throws {
        for attack in ["index.json", "blobs/sha256"] {
            let sandbox = try StoreSandbox()
            try Directories.makeAll(sandbox.path + "/image/blobs", mode: 0o755)
            try Directories.makeAll(sandbox.path + "/elsewhere/blobs/sha256", mode: 0o755)
            for (name, content) in ImageRecipe().layout() {
                let isMoved = name.hasPrefix(attack)
                if !isMoved && name.hasPrefix("blobs/") {
                    try Directories.makeAll(sandbox.path + "/image/blobs/sha256", mode: 0o755)
                }
                try sandbox.write("\(isMoved ? "elsewhere" : "image")/\(name)", content)
            }
            let image = try OwnedDescriptor.open(RawPath(sandbox.path + "/image"), [.directory])
            try image.makeLink(RawPath(attack), to: RawPath("\(sandbox.path)/elsewhere/\(attack)"))
            let failure = #expect(throws: Failure.self) {
                _ = try sandbox.store.importImages(ImportRequest(source: .path(sandbox.path + "/image")))
            }
            #expect(failure?.code == "image.layout-invalid")
            try sandbox.expectGoodImageImports()
        }
        let sandbox = try StoreSandbox()
        try Directories.makeAll(sandbox.path + "/image", mode: 0o755)
        let image = try OwnedDescriptor.open(RawPath(sandbox.path + "/image"), [.directory])
        try image.makeNode("oci-layout", kind: .fifo, mode: 0o600)
        let failure = #expect(throws: Failure.self) {
            _ = try sandbox.store.importImages(ImportRequest(source: .path(sandbox.path + "/image")))
        }
        #expect(failure?.code == "image.layout-invalid")
    }
}
