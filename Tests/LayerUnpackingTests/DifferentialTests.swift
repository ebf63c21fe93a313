import Glibc
import HostileArchives
import LinuxKernel
import OCIFormat
import Testing

/// Our layers, stacked by the kernel's overlay, against the tree another tool makes of the same image.
@Suite("against umoci", .inBothForms) struct DifferentialTests {
    @Test("an odd image of four layers is the same tree, entry by entry")
    func sameTree() throws {
        let sandbox = try Sandbox()
        let archives = OddImage.layers
        let theirs = try UmociUnpack.tree(of: archives, in: sandbox)
        var layers: [OwnedDescriptor] = []
        for (index, archive) in archives.enumerated() {
            let (outcome, layer) = try sandbox.unpack(archive, into: "layer\(index)", lowers: layers)
            try #require(outcome.exitStatus == 0, "\(outcome.last)")
            layers.insert(layer, at: 0)
        }
        let names = archives.indices.reversed().map { "\(sandbox.path)/layer\($0)" }
        let images = layers.map { sandbox.images[ObjectIdentifier($0)]?.image }
        let merged = try MountWorkshop.run { () throws(KernelError) in
            for (name, image) in zip(names, images) {
                if let image { try LayerImageMount.detached(of: image, attributes: 0).attachMount(at: name) }
            }
            let overlay = try FilesystemContext("overlay")
            try overlay.set("lowerdir", names.joined(separator: ":"))
            return try overlay.mount(attributes: 1).open(".", [.directory])
        }
        let ours = try TreeSnapshot(of: merged, .content)
        #expect(ours.entries.count > 30)
        #expect(ours.differences(from: theirs) == [])
    }
}

/// Runs umoci on an image layout written by hand.
private enum UmociUnpack {
    static func tree(of layers: [[UInt8]], in sandbox: Sandbox) throws -> TreeSnapshot {
        let image = try sandbox.makeDirectory("image")
        let bundle = try sandbox.makeDirectory("bundle")
        try write(layers, to: image)
        let child = try ToolProcess.start(
            "/usr/bin/umoci", ["unpack", "--image", "\(sandbox.path)/image:odd", "\(sandbox.path)/bundle/b"],
            descriptors: [nil, nil, try OwnedDescriptor.standardStream(2)])
        try #require(try child.reap() == .exited(0), "umoci is one of the packages make setup installs")
        return try TreeSnapshot(of: try bundle.open("b/rootfs", [.directory]), .content)
    }

    private static func write(_ layers: [[UInt8]], to image: OwnedDescriptor) throws {
        func put(_ path: RawPath, _ bytes: [UInt8]) throws {
            try image.open(path, [.writeOnly, .create], mode: 0o644).write(bytes)
        }
        func blob(_ bytes: [UInt8]) throws -> String {
            let digest = Digest(of: bytes)
            try put(RawPath("blobs/sha256/\(digest.hex)"), bytes)
            return "\"digest\":\"\(digest)\",\"size\":\(bytes.count)"
        }
        try image.makeDirectory("blobs", mode: 0o755)
        try image.makeDirectory("blobs/sha256", mode: 0o755)
        let type = "application/vnd.oci.image"
        let described = try layers.map { layer in
            #"{"mediaType":"\#(type).layer.v1.tar+gzip",\#(try blob(Compressed.gzip(layer)))}"#
        }
        let diffs = layers.map { "\"\(Digest(of: $0))\"" }.joined(separator: ",")
        let config = try blob(
            Array(
                (#"{"architecture":"amd64","os":"linux","config":{},"#
                    + #""rootfs":{"type":"layers","diff_ids":[\#(diffs)]}}"#).utf8))
        let manifest = try blob(
            Array(
                (#"{"schemaVersion":2,"mediaType":"\#(type).manifest.v1+json","config":{"mediaType":"#
                    + #""\#(type).config.v1+json",\#(config)},"layers":[\#(described.joined(separator: ","))]}"#).utf8))
        try put("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        try put(
            "index.json",
            Array(
                (#"{"schemaVersion":2,"manifests":[{"mediaType":"\#(type).manifest.v1+json",\#(manifest),"#
                    + #""annotations":{"org.opencontainers.image.ref.name":"odd"}}]}"#).utf8))
    }
}

/// Layers with everything honest tools write, and the odd orders they write it in.
private enum OddImage {
    static let layers: [[UInt8]] = [base, changes, more, last].map { fill in
        var tar = TarBuilder()
        fill(&tar)
        return tar.ended()
    }

    private static let base: @Sendable (inout TarBuilder) -> Void = { tar in
        tar.add("./", .directory, mode: 0o755)
        for name in ["usr/", "usr/lib/", "usr/bin/", "etc/", "var/", "var/cache/", "opq/", "opq/two/", "flip-dir/"] {
            tar.add(name, .directory) { $0.modified = 1_111 }
        }
        tar.add("tmp/", .directory, mode: 0o1777)
        tar.add("home/", .directory, mode: 0o2750) { ($0.uid, $0.gid) = (1_000, 1_000) }
        tar.add("lib", .link, link: "usr/lib")
        tar.add("bin", .link, link: "/usr/bin")
        tar.add("etc/passwd", text: "root:x:0:0\n")
        tar.add("usr/bin/su", mode: 0o4755, content: Array("su".utf8))
        tar.add("usr/bin/perl", mode: 0o755, content: Array("perl".utf8)) { $0.modified = 0 }
        tar.add("usr/bin/perl5", .hardLink, link: "usr/bin/perl")
        tar.attribute("user.test", Array("value".utf8))
        tar.add("usr/lib/attributed")
        tar.attribute("security.capability", [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12))
        tar.add("usr/bin/ping", mode: 0o755, content: [1])
        for name in ["a", "b", "c"] { tar.add("var/cache/\(name)", text: name) }
        tar.add("opq/one", text: "one")
        tar.add("opq/two/three", text: "three")
        tar.add("flip-file", text: "file")
        tar.add("flip-dir/child", text: "child")
        tar.add("flip-link", .link, link: "etc")
        tar.add("home/file", mode: 0o600, content: [9]) { ($0.uid, $0.gid) = (1_000, 100) }
        tar.add("tmp/fifo", .fifo, mode: 0o622)
        tar.add("etc/gr\u{fc}\u{df}e \u{4f60}", text: "utf-8")
        tar.add("/etc/absolute", text: "absolute")
        tar.add("./etc/./dotted", text: "dotted")
        tar.pax([("path", "etc/" + String(repeating: "long", count: 60)), ("mtime", "1234567890.987654321")])
        tar.add("etc/short", text: "long name")
        tar.add("usr/lib/dangling", .link, link: "../../../../nowhere") { ($0.uid, $0.modified) = (5, 55) }
        tar.add("gone/", .directory)
        tar.add("gone/deep/", .directory)
        tar.add("gone/deep/file", text: "gone")
    }

    private static let changes: @Sendable (inout TarBuilder) -> Void = { tar in
        tar.add("etc/", .directory, mode: 0o711) { ($0.uid, $0.modified) = (3, 2_222) }
        tar.add("lib/new", text: "through a link")
        tar.add("bin/alias", .hardLink, link: "usr/bin/perl")
        tar.add("var/cache/.wh.a")
        tar.add("var/cache/.wh.never")
        tar.add("opq/", .directory, mode: 0o700)
        tar.add("opq/.wh..wh..opq")
        tar.add("opq/new", text: "new")
        tar.add("flip-file/", .directory)
        tar.add("flip-file/child", text: "now a directory")
        tar.add("flip-dir", text: "now a file")
        tar.add("flip-link/", .directory)
        tar.add("flip-link/child", text: "now a directory")
        tar.add("usr/bin/su", mode: 0o755, content: Array("no longer".utf8))
        tar.add(".wh.gone")
    }

    private static let more: @Sendable (inout TarBuilder) -> Void = { tar in
        tar.add(".wh.flip-file")
        tar.add("flip-file/", .directory, mode: 0o750)
        tar.add("flip-file/fresh", text: "after a whiteout")
        tar.add("opq/two/", .directory)
        tar.add("opq/two/four", text: "four")
        tar.add("flip-dir/", .directory)
        tar.add("flip-dir/fresh", text: "a directory again")
        tar.add("gone/", .directory)
        tar.add("gone/new", text: "new")
        tar.add("var/cache/b", .hardLink, link: "var/cache/c")
        tar.add("usr/lib/attributed", text: "without the attribute")
    }

    private static let last: @Sendable (inout TarBuilder) -> Void = { tar in
        tar.add("flip-link", .link, link: "usr")
        tar.add("bin/.wh.perl5")
        tar.add("etc/passwd", text: "first\n")
        tar.add("etc/passwd", text: "second\n")
        tar.add("home/", .directory, mode: 0o755) { $0.uid = 7 }
        tar.add(".wh.tmp")
    }
}
