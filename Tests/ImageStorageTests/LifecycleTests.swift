import Diagnostics
import HostileArchives
import ImageStorage
import LinuxKernel
import OCIFormat
import Testing

@Suite("keeping and removing images")
struct LifecycleTests {
    private func sandbox(_ names: [String]) throws -> StoreSandbox {
        let sandbox = try StoreSandbox()
        for name in names {
            var recipe = ImageRecipe()
            recipe.layers = [.files(["base": "shared by all"]), .files(["name": name])]
            try sandbox.importArchive(recipe.dockerArchive(), name: name)
        }
        return sandbox
    }

    @Test("an image is found by name, digest, identifier and its beginning")
    func resolves() throws {
        let sandbox = try sandbox(["a", "b"])
        let image = try sandbox.store.resolve("a")
        for text in [
            "a", "a:latest", "docker.io/library/a", "a@\(image.summary.manifest)", "\(image.summary.id)",
            image.summary.id.hex,
            image.summary.id.short, "sha256:\(image.summary.id.short)",
        ] {
            #expect(try sandbox.store.resolve(text).summary == image.summary, "\(text)")
        }
        #expect(image.configText.contains("architecture"))
        for (text, code) in [
            ("c", "image.not-found"), ("a:2", "image.not-found"), ("A", "image.reference-invalid"),
            (String(repeating: "0", count: 64), "image.not-found"), ("b@\(image.summary.manifest)", "image.not-found"),
        ] {
            let failure = #expect(throws: Failure.self) { _ = try sandbox.store.resolve(text) }
            #expect(failure?.code.rawValue == code, "\(text)")
        }
    }

    @Test(
        "an image in use is not removed, and the refusal names its containers; by force its layers stay until the end")
    func leases() throws {
        let sandbox = try sandbox(["a"])
        let image = try sandbox.store.resolve("a")
        try sandbox.store.lease(container: "c1", image: image)
        try sandbox.store.lease(container: "c1", image: image)
        try sandbox.store.lease(container: "c2", image: image)
        let failure = #expect(throws: Failure.self) { _ = try sandbox.store.remove("a") }
        #expect(failure?.code == "image.in-use")
        #expect(failure?.cause?.contains("c1, c2") == true)
        #expect(try sandbox.store.prune(.all).removed == [])
        #expect(try sandbox.store.remove("a", force: true).removed.count == 1)
        #expect(try sandbox.store.list() == [])
        #expect(try sandbox.reopened().leases().map(\.container) == ["c1", "c2"])
        #expect(try sandbox.store.prune(.all).reclaimedBytes == 0)
        #expect(try TextFile.read(sandbox.store.layers(of: sandbox.store.leases()[0])[1] + "/name") == "a")
        try sandbox.store.release(container: "c1")
        try sandbox.store.release(container: "c2")
        try sandbox.store.release(container: "c2")
        #expect(try sandbox.store.prune(.dangling).reclaimedBytes > 0)
        #expect(try sandbox.store.diskUsage().layers == 0)
        let gone = #expect(throws: Failure.self) { try sandbox.store.lease(container: "c3", image: image) }
        #expect(gone?.code == "image.not-found")
    }

    @Test(
        "a container's identifier never becomes a path",
        arguments: ["", ".", "..", "../x", "a/b", ".hidden", "a\0b", "a b"])
    func leaseNames(container: String) throws {
        let sandbox = try sandbox(["a"])
        let image = try sandbox.store.resolve("a")
        let failure = #expect(throws: Failure.self) { try sandbox.store.lease(container: container, image: image) }
        #expect(failure?.code == "container.id-invalid")
    }

    @Test("removing one of two names keeps the image; removing the last keeps what others share")
    func removes() throws {
        let sandbox = try sandbox(["a", "b"])
        var recipe = ImageRecipe()
        recipe.layers = [.files(["base": "shared by all"]), .files(["name": "a"])]
        try sandbox.importArchive(recipe.dockerArchive(), name: "second")
        let id = try sandbox.store.resolve("a").summary.id
        let several = #expect(throws: Failure.self) { _ = try sandbox.store.remove(id.short) }
        #expect(several?.code == "image.several-names")
        let untagged = try sandbox.store.remove("a")
        #expect(untagged.untagged.map(\.familiar) == ["a:latest"])
        #expect(untagged.removed == [])
        #expect(try sandbox.store.remove("second").removed.map(\.id) == [id])
        #expect(try sandbox.store.diskUsage().layers == 2)
        #expect(try sandbox.read("base", of: try sandbox.store.resolve("b")) == "shared by all")
        #expect(try sandbox.store.remove("b").removed.count == 1)
        #expect(try sandbox.contents().filter { !$0.hasSuffix("/") && !$0.hasPrefix("index.json") } == [])
    }

    @Test("an identifier of several images removes none of them unless it is forced, and then says which")
    func removesAlike() throws {
        let sandbox = try StoreSandbox()
        var recipe = ImageRecipe()
        try sandbox.importArchive(recipe.dockerArchive(), name: "plain")
        recipe.layers = [.files(["hello": "hello"], packing: .gzip)]
        try sandbox.importArchive(recipe.ociArchive(), name: "packed")
        let images = try sandbox.store.list()
        try #require(images.count == 2 && images[0].id == images[1].id, "one configuration, packed twice")
        for text in [images[0].id.short, "\(images[0].id)"] {
            let failure = #expect(throws: Failure.self) { _ = try sandbox.store.remove(text) }
            #expect(failure?.code == "image.several-names")
            #expect(failure?.cause == "it is called packed:latest, plain:latest" ||
                failure?.cause == "it is called plain:latest, packed:latest")
        }
        #expect(try sandbox.store.list().count == 2)
        #expect(try sandbox.store.remove("\(images[0].manifest)").removed.map(\.manifest) == [images[0].manifest])
        try sandbox.importArchive(recipe.ociArchive(), name: "packed")
        try sandbox.importArchive(ImageRecipe().dockerArchive(), name: "plain")
        let forced = try sandbox.store.remove(images[0].id.short, force: true)
        #expect(forced.removed.flatMap { $0.references.map(\.familiar) }.sorted() == ["packed:latest", "plain:latest"])
        #expect(try sandbox.store.list() == [])
    }

    @Test("pruning removes the dangling, the unused, or the least recently used until enough is free")
    func prunes() throws {
        let sandbox = try sandbox(["a", "b", "c"])
        var newer = ImageRecipe()
        newer.layers = [.files(["other": "other"])]
        try sandbox.importArchive(newer.dockerArchive(), name: "b")
        #expect(try sandbox.store.prune(.dangling).removed.map(\.references) == [[]])
        #expect(try sandbox.store.list().map { $0.references[0].familiar } == ["a:latest", "b:latest", "c:latest"])
        try sandbox.store.lease(container: "user", image: try sandbox.store.resolve("c"))
        try sandbox.store.lease(container: "recent", image: try sandbox.store.resolve("a"))
        try sandbox.store.release(container: "recent")
        let usage = try sandbox.store.diskUsage()
        let down = try sandbox.store.prune(.downTo(bytes: usage.layerBytes + usage.blobBytes - 1))
        #expect(down.removed.map { $0.references[0].familiar } == ["b:latest"])
        #expect(try sandbox.store.prune(.all).removed.map { $0.references[0].familiar } == ["a:latest"])
        #expect(try sandbox.store.prune(.downTo(bytes: 0)).removed == [])
        #expect(try sandbox.store.list().map { $0.references[0].familiar } == ["c:latest"])
        #expect(try sandbox.store.diskUsage().reclaimableBytes == 0)
    }

    @Test("pruning all but some keeps those by any of their names, and what is used with all of its own")
    func prunesOthers() throws {
        let sandbox = try sandbox(["a", "b", "c", "d", "e"])
        var recipe = ImageRecipe()
        recipe.layers = [.files(["base": "shared by all"]), .files(["name": "a"])]
        try sandbox.importArchive(recipe.dockerArchive(), name: "second")
        let used = try sandbox.store.resolve("a")
        try sandbox.store.lease(container: "user", image: used)
        let identifier = try sandbox.store.resolve("d").summary.id.hex
        let outcome = try sandbox.store.prune(.allExcept(["b", "c:latest", identifier, "nobody", "No Name"]))
        #expect(outcome.removed.map { $0.references[0].familiar } == ["e:latest"])
        let names = try sandbox.store.list().flatMap { $0.references.map(\.familiar) }
        #expect(names.sorted() == ["a:latest", "b:latest", "c:latest", "d:latest", "second:latest"])
        #expect(try sandbox.store.resolve("second").summary == used.summary)
    }

    @Test(
        "an exported image comes back as it was, in both formats, and twice the same", arguments: ExportFormat.allCases)
    func exports(format: ExportFormat) throws {
        let sandbox = try sandbox(["a"])
        let image = try sandbox.store.resolve("a")
        var copies: [[UInt8]] = []
        for number in 1...2 {
            let path = sandbox.path + "/export\(number).tar"
            let output = try OwnedDescriptor.open(RawPath(path), [.writeOnly, .create], mode: 0o600)
            try sandbox.store.export("a", to: output, format: format)
            copies.append(try OwnedDescriptor.open(RawPath(path)).readAll(limit: 64 << 20))
        }
        #expect(copies[0] == copies[1])
        let other = try StoreSandbox()
        let imported = try other.importArchive(copies[0])
        #expect(imported[0].manifest == image.summary.manifest)
        #expect(imported[0].references == image.summary.references)
        #expect(try other.read("name", of: try other.store.resolve("a")) == "a")
    }

    @Test("damage in the store is told from absence")
    func damage() throws {
        let sandbox = try sandbox(["a"])
        let image = try sandbox.store.resolve("a")
        let config = "store/blobs/sha256/\(image.summary.id.hex)"
        try sandbox.write(config, Array("{}".utf8))
        let failure = #expect(throws: Failure.self) { _ = try sandbox.store.resolve("a") }
        #expect(failure?.code == "image.store-damaged")
        _ = try sandbox.store.remove("a")
        try sandbox.expectGoodImageImports()
        try sandbox.write("store/index.json", Array(#"{"version":1,"images":[{"#.utf8))
        let index = #expect(throws: Failure.self) { _ = try sandbox.store.list() }
        #expect(index?.code == "image.store-damaged")
    }

    @Test("an index as long as it may be takes no more images, and those it has are found and removed")
    func fullIndex() throws {
        var limits = ImageLimits()
        limits.storeIndexBytes = 4_096
        let sandbox = try StoreSandbox(limits: limits)
        func add(_ number: Int) throws {
            var recipe = ImageRecipe()
            recipe.layers = [.files(["name": "\(number)"])]
            try sandbox.importArchive(recipe.dockerArchive(), name: "image\(number)")
        }
        var count = 0
        var failure: Failure?
        while failure == nil, count < 20 {
            let before = try sandbox.contents()
            do {
                try add(count)
                count += 1
            } catch let refusal as Failure {
                failure = refusal
                #expect(try sandbox.contents() == before)
            }
        }
        try #require(count > 1 && count < 20)
        #expect(failure?.code == "image.store-index-full" && failure?.remedy != nil)
        #expect(try sandbox.reopened().list().count == count)
        _ = try sandbox.store.resolve("image0")
        _ = try sandbox.store.remove("image0")
        try add(count)
        #expect(try sandbox.store.resolve("image\(count)").layers.count == 1)
    }

    @Test("a store that others could enter or change is refused")
    func unsafe() throws {
        let sandbox = try sandbox([])
        let directory = try OwnedDescriptor.open(RawPath(sandbox.store.path), [.directory])
        for (mode, uid) in [(0o755, 0), (0o770, 0), (0o701, 0), (0o700, 1_000)] as [(UInt32, UInt32)] {
            try directory.changeOwner(uid: uid, gid: 0)
            try directory.changeMode(mode)
            let failure = #expect(throws: Failure.self) { _ = try sandbox.reopened() }
            #expect(failure?.code == "image.store-unsafe")
        }
        try directory.changeOwner(uid: 0, gid: 0)
        try directory.changeMode(0o700)
        _ = try sandbox.reopened()
        let parent = try OwnedDescriptor.open(RawPath(sandbox.path), [.directory])
        try parent.makeLink("linked", to: "store")
        #expect(throws: Failure.self) {
            _ = try ImageStore(root: sandbox.path + "/linked", unpacker: try StoreSandbox.unpacker())
        }
    }
}
