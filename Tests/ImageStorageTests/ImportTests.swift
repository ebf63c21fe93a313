import Diagnostics
import HostileArchives
import LinuxKernel
import OCIFormat
import Testing

@testable import ImageStorage

@Suite("importing images")
struct ImportTests {
    private func recipe() -> ImageRecipe {
        var recipe = ImageRecipe()
        recipe.layers = [
            .files(["etc/one": "1", "etc/two": "2"]), .files(["etc/two": "two"], packing: .gzip),
            .files(["etc/three": "3"], packing: .zstd),
        ]
        recipe.tags = ["example/app:1.0"]
        return recipe
    }

    /// The reading end of a pipe whose writing end belongs to the thread alone, so that its end is seen.
    private func stream(of content: [UInt8]) throws -> (OwnedDescriptor, WorkerThread) {
        let (read, write) = try OwnedDescriptor.pipe()
        return (read, try WorkerThread { #expect(throws: Never.self) { try write.write(content) } })
    }

    private func expectGood(_ sandbox: StoreSandbox, _ name: String) throws {
        let image = try sandbox.store.resolve(name)
        #expect(image.layers.count == 3)
        #expect(image.config.environment == ["PATH=/bin"])
        #expect(try TextFile.read(image.layers[0] + "/etc/two") == "2")
        #expect(try TextFile.read(image.layers[1] + "/etc/two") == "two")
        #expect(try TextFile.read(image.layers[2] + "/etc/three") == "3")
        #expect(image.summary.size > 0)
        #expect(image.summary.created == "2024-05-06T07:08:09Z")
    }

    @Test("a docker-archive is imported under its own name, with and without repositories", arguments: [false, true])
    func dockerArchive(repositories: Bool) throws {
        let sandbox = try StoreSandbox()
        let recipe = recipe()
        let imported = try sandbox.importArchive(recipe.dockerArchive(repositories: repositories))
        #expect(imported.map(\.id) == [recipe.configDigest])
        #expect(imported[0].references.map(\.familiar) == ["example/app:1.0"])
        try expectGood(sandbox, "example/app:1.0")
    }

    @Test("a docker-archive may name its layers as blobs")
    func dockerArchiveOfBlobs() throws {
        let sandbox = try StoreSandbox()
        let imported = try sandbox.importArchive(recipe().dockerArchiveOfBlobs())
        #expect(imported.map(\.id) == [recipe().configDigest])
        try expectGood(sandbox, "example/app:1.0")
    }

    @Test("a blob that is in the archive twice is imported")
    func blobTwice() throws {
        let sandbox = try StoreSandbox()
        let blob = recipe().layers[1].blob
        let archive = recipe().ociArchive { $0.add("blobs/sha256/\(Digest(of: blob).hex)", content: blob) }
        try sandbox.importArchive(archive, name: "twice")
        try expectGood(sandbox, "twice")
    }

    @Test("an oci-archive keeps its manifest's digest, and is named by either annotation")
    func ociArchive() throws {
        let sandbox = try StoreSandbox()
        let recipe = recipe()
        let full = try sandbox.importArchive(
            recipe.ociArchive(annotations: ["io.containerd.image.name": "registry.example/team/app:2"]))
        #expect(full[0].manifest == recipe.manifestDigest)
        #expect(full[0].references.map(\.description) == ["registry.example/team/app:2"])
        let tagged = try sandbox.importArchive(
            recipe.ociArchive(annotations: ["org.opencontainers.image.ref.name": "v3"]), as: "My App_x.oci.tar")
        #expect(tagged[0].references.map(\.familiar).contains("my-app-x:v3"))
        try expectGood(sandbox, "my-app-x:v3")
        try expectGood(sandbox, "registry.example/team/app@\(recipe.manifestDigest)")
    }

    @Test("the archive may be compressed as a whole, and come from a pipe")
    func compressedStream() throws {
        let sandbox = try StoreSandbox()
        let archive = recipe().dockerArchive()
        for packed in [archive, Compressed.gzip(archive), Compressed.zstd(archive)] {
            let (stream, writer) = try self.stream(of: packed)
            defer { writer.join() }
            _ = try sandbox.store.importImages(ImportRequest(source: .stream(stream, name: "standard input")))
            try expectGood(sandbox, "example/app:1.0")
        }
    }

    @Test("an image layout in a directory is imported")
    func layoutDirectory() throws {
        let sandbox = try StoreSandbox()
        for (name, content) in recipe().layout() {
            let parts = name.split(separator: "/").dropLast().joined(separator: "/")
            try Directories.makeAll("\(sandbox.path)/app/\(parts)", mode: 0o755)
            try sandbox.write("app/\(name)", content)
        }
        let imported = try sandbox.store.importImages(ImportRequest(source: .path(sandbox.path + "/app")))
        #expect(imported[0].references.map(\.familiar) == ["app:latest"])
        try expectGood(sandbox, "app")
    }

    @Test("importing the same image again changes nothing but its name")
    func again() throws {
        let sandbox = try StoreSandbox()
        try sandbox.importArchive(recipe().dockerArchive())
        let before = try sandbox.contents().filter { !$0.hasPrefix("index.json") }
        try sandbox.importArchive(recipe().dockerArchive(), name: "other")
        #expect(try sandbox.contents().filter { !$0.hasPrefix("index.json") } == before)
        #expect(
            try sandbox.store.list().map { $0.references.map(\.familiar) } == [["example/app:1.0", "other:latest"]])
    }

    @Test("the same layers packed differently share their directories")
    func shared() throws {
        let sandbox = try StoreSandbox()
        try sandbox.importArchive(recipe().dockerArchive())
        var packed = recipe()
        for index in packed.layers.indices { packed.layers[index].packing = .gzip }
        try sandbox.importArchive(packed.ociArchive(), name: "packed")
        #expect(try sandbox.store.resolve("packed").layers == sandbox.store.resolve("example/app:1.0").layers)
        #expect(try sandbox.store.diskUsage().layers == 3)
    }

    @Test("layers that the store has already take nothing of what an import may become")
    func budgetOfNewLayers() throws {
        var limits = ImageLimits()
        limits.imageBytes = 700_000
        let sandbox = try StoreSandbox(limits: limits)
        let layers = (0..<6).map { ImageRecipe.Layer.files(["\($0)": String(repeating: "x", count: 200_000)]) }
        var recipe = ImageRecipe()
        recipe.layers = layers
        let failure = #expect(throws: Failure.self) { try sandbox.importArchive(recipe.ociArchive(), name: "six") }
        #expect(failure?.limit == "bytes of all layers 700000")
        recipe.layers = Array(layers[..<3])
        try sandbox.importArchive(recipe.ociArchive(), name: "three")
        recipe.layers = layers
        try sandbox.importArchive(recipe.ociArchive(), name: "six")
        #expect(try sandbox.store.resolve("six").layers.count == 6)
    }

    @Test("a configuration that many images share is kept once")
    func sharedConfiguration() throws {
        var limits = ImageLimits()
        limits.importDocumentBytes = 16_384
        let sandbox = try StoreSandbox(limits: limits)
        var recipe = ImageRecipe()
        recipe.config = #""Env":["A=\#(String(repeating: "x", count: 8_000))"]"#
        let (layer, id) = (recipe.layers[0].blob, recipe.configDigest.hex)
        let images = (0..<40).map { number in
            #"{"Config":"\#(id).json","RepoTags":["many/app:\#(number)"],"Layers":["\#(HostileImage.hex)/layer.tar"]}"#
        }
        let archive = HostileImage.docker(manifest: "[\(images.joined(separator: ","))]") { tar in
            tar.add("\(id).json", content: recipe.configText)
            tar.add("\(HostileImage.hex)/layer.tar", content: layer)
        }
        try sandbox.importArchive(archive)
        #expect(try sandbox.store.list().map(\.references.count) == [40])
    }

    @Test("a layer is not begun where next to nothing is left of the file system")
    func reserve() throws {
        let large = FilesystemSpace(total: 1 << 40, available: (64 << 20) - 1, used: 0)
        let refusal = StoreReserve.refusal(of: large, at: "/store", before: "layer 1 of 2")
        #expect(refusal?.code == "image.disk-full" && refusal?.retry == .later && refusal?.remedy != nil)
        for (total, available) in [(1 << 40, 64 << 20), (64 << 20, 1 << 20), (0, 0)] as [(UInt64, UInt64)] {
            let space = FilesystemSpace(total: total, available: available, used: 0)
            #expect(StoreReserve.refusal(of: space, at: "/store", before: "layer 1 of 2") == nil)
        }
    }

    @Test("a name that moves to another image leaves the first one dangling")
    func moved() throws {
        let sandbox = try StoreSandbox()
        try sandbox.importArchive(recipe().dockerArchive())
        var newer = recipe()
        newer.layers[2] = .files(["etc/three": "new"])
        try sandbox.importArchive(newer.dockerArchive())
        let images = try sandbox.store.list()
        #expect(images.map { $0.references.count } == [1, 0])
        #expect(try sandbox.store.resolve("example/app:1.0").summary.id == newer.configDigest)
        #expect(try sandbox.store.resolve(recipe().configDigest.short).summary.references.isEmpty)
    }

    @Test("several images in one archive are imported together, or one is chosen")
    func several() throws {
        var first = ImageRecipe()
        first.layers = [.files(["a": "a"])]
        var second = ImageRecipe()
        second.layers = [.files(["b": "b"])]
        func entry(_ recipe: ImageRecipe, _ name: String) -> String {
            #"{"mediaType":"\#(MediaType.ociManifest)","digest":"\#(recipe.manifestDigest)","#
                + #""size":\#(recipe.manifestText.count),"#
                + #""annotations":{"io.containerd.image.name":"\#(name)"}}"#
        }
        let index = #"{"schemaVersion":2,"manifests":[\#(entry(first, "x/a:1")),\#(entry(second, "x/b:1"))]}"#
        let archive = first.ociArchive(index: index) { tar in
            for (name, content) in second.layout() where name.hasPrefix("blobs/") { tar.add(name, content: content) }
        }
        let all = try StoreSandbox()
        #expect(try all.importArchive(archive).map { $0.references[0].familiar } == ["x/a:1", "x/b:1"])
        let one = try StoreSandbox()
        let path = try one.write("both.tar", archive)
        let chosen = try one.store.importImages(ImportRequest(source: .path(path), name: "mine", reference: "x/b:1"))
        #expect(chosen.map(\.id) == [second.configDigest])
        #expect(try one.store.list().map { $0.references[0].familiar } == ["mine:latest"])
        for request in [
            ImportRequest(source: .path(path), name: "mine"), ImportRequest(source: .path(path), reference: "x/c"),
        ] {
            let failure = #expect(throws: Failure.self) { _ = try one.store.importImages(request) }
            #expect(["image.several-images", "image.reference-missing"].contains(failure?.code.rawValue))
            #expect(failure?.cause?.contains("x/a:1") == true)
        }
    }

    @Test("progress goes through reading, every layer and the end, and never backwards")
    func progress() throws {
        let sandbox = try StoreSandbox()
        let path = try sandbox.write("image.tar", recipe().dockerArchive())
        var seen: [ImportProgress] = []
        _ = try sandbox.store.importImages(ImportRequest(source: .path(path))) { seen.append($0) }
        let layers: [Int] = seen.compactMap { progress in
            if case .unpacking(let layer, of: 3) = progress.phase { layer } else { nil }
        }
        #expect(Set(layers) == [1, 2, 3])
        #expect(layers == layers.sorted())
        #expect(seen.last?.phase == .finishing)
        #expect(seen.allSatisfy { $0.total.map { total in total > 0 } ?? true })
    }

    @Test("an image without a name needs one when it comes from a stream")
    func needsName() throws {
        let sandbox = try StoreSandbox()
        var unnamed = recipe()
        unnamed.tags = []
        let path = try sandbox.write("x.tar", unnamed.dockerArchive())
        let file = try OwnedDescriptor.open(RawPath(path))
        let failure = #expect(throws: Failure.self) {
            _ = try sandbox.store.importImages(ImportRequest(source: .stream(file, name: "standard input")))
        }
        #expect(failure?.code == "image.needs-name")
        try sandbox.expectGoodImageImports()
    }

    @Test("an image for another platform is refused unless asked for, and an index yields the wanted one")
    func platform() throws {
        let sandbox = try StoreSandbox()
        var foreign = recipe()
        foreign.architecture = "s390x"
        let failure = #expect(throws: Failure.self) { try sandbox.importArchive(foreign.dockerArchive()) }
        #expect(failure?.code == "image.platform")
        let path = try sandbox.write("foreign.tar", foreign.dockerArchive())
        let imported = try sandbox.store.importImages(ImportRequest(source: .path(path), platform: "linux/s390x"))
        #expect(imported[0].platform.description == "linux/s390x")
    }
}
