import HostileArchives
import LinuxKernel
import Testing

/// The same archive over the same layers is the same layer, whenever it is unpacked.
@Suite("Layers that are unpacked again", .inBothForms) struct ReproducibleLayerTests {
    private static let lower: [UInt8] = {
        var tar = TarBuilder()
        tar.add("etc/", .directory, mode: 0o711) { $0.modified = 1_234 }
        tar.add("etc/old", text: "old")
        tar.add("opt/kept/file", text: "linked")
        tar.add("srv/data/one", text: "hidden")
        return tar.ended()
    }()

    /// Parents that no entry describes, whiteouts, an opaque directory, something replaced, a link to what is below.
    private static let upper: [UInt8] = {
        var tar = TarBuilder()
        tar.add("a/b/c/file", text: String(repeating: "content ", count: 2_000))
        tar.add("etc/.wh.old", text: "")
        tar.add("srv/data/.wh..wh..opq", text: "")
        tar.add("a/b/gone/x", text: "x")
        tar.add("a/b/gone", .link, link: "c")
        tar.add(".wh.opt2", text: "")
        tar.add("new/link", .hardLink, link: "opt/kept/file")
        tar.add("told/", .directory) { $0.modified = 77 }
        tar.add("told/below/file", text: "y")
        return tar.ended()
    }()

    private struct Made {
        var seen: [TreeSnapshot] = []
        var images: [[UInt8]] = []
        var top: OwnedDescriptor
    }

    private func make(_ sandbox: Sandbox, _ name: String) throws -> Made {
        let (first, below) = try sandbox.unpack(Self.lower, into: name + "-lower")
        try #require(first.exitStatus == 0, "\(first.last)")
        let (second, top) = try sandbox.unpack(Self.upper, into: name + "-upper", lowers: [below])
        try #require(second.exitStatus == 0, "\(second.last)")
        var made = Made(top: top)
        for layer in [below, top] {
            made.seen.append(try TreeSnapshot(of: layer))
            guard let image = sandbox.images[ObjectIdentifier(layer)]?.image else { continue }
            made.images.append(try image.readBytes(Int(try image.status().size), at: 0))
        }
        return made
    }

    @Test("they are the same, images byte for byte")
    func same() throws {
        let sandbox = try Sandbox()
        let (one, two) = (try make(sandbox, "one"), try make(sandbox, "two"))
        #expect(one.seen == two.seen)
        #expect(one.images == two.images)
        #expect(one.images.count == (LayerForms.current == .erofs ? 2 : 0))
        #expect(one.images.allSatisfy { $0.count > 1_024 })
    }

    @Test("what no entry gives a time has that of 1970, what one does keeps it")
    func times() throws {
        let sandbox = try Sandbox()
        let top = try make(sandbox, "one").top
        for path: RawPath in [".", "a", "a/b", "a/b/c", "new", "told/below", "srv", "opt"] {
            #expect(try top.open(path, [.directory]).status().modifiedSeconds == 0, "\(path)")
        }
        #expect(try top.status(of: "etc/old").modifiedSeconds == 0)
        #expect(try top.open("told", [.directory]).status().modifiedSeconds == 77)
        #expect(try top.open("etc", [.directory]).status().modifiedSeconds == 1_234)
    }
}
