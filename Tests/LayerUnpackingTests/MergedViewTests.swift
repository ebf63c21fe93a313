import HostileArchives
import LinuxKernel
import Testing

/// What layers mean together: links and files of lower layers, whiteouts, opaque directories.
@Suite("the merged view", .inBothForms) struct MergedViewTests {
    private func archive(_ fill: (inout TarBuilder) -> Void) -> [UInt8] {
        var tar = TarBuilder()
        fill(&tar)
        return tar.ended()
    }

    /// Unpacks archives on top of one another, lowest first; every one must succeed. Gives the layers, topmost first.
    private func stack(_ sandbox: Sandbox, _ archives: [[UInt8]]) throws -> [OwnedDescriptor] {
        var layers: [OwnedDescriptor] = []
        for (index, archive) in archives.enumerated() {
            let (outcome, layer) = try sandbox.unpack(archive, into: "layer\(index)", lowers: layers)
            try #require(outcome.exitStatus == 0, "\(outcome.last)")
            layers.insert(layer, at: 0)
        }
        return layers
    }

    private func text(_ path: RawPath, in layer: OwnedDescriptor) throws -> String {
        String(decoding: try layer.open(path, rules: .confined).readAll(limit: 4_096), as: UTF8.self)
    }

    private func isOpaque(_ path: RawPath, in layer: OwnedDescriptor) throws -> Bool {
        try layer.open(path, [.directory]).attribute("trusted.overlay.opaque", is: UInt8(ascii: "y"))
    }

    private func isWhiteout(_ path: RawPath, in layer: OwnedDescriptor) throws -> Bool {
        let status = try layer.status(of: path)
        return status.kind == .character && status.deviceMajor == 0 && status.deviceMinor == 0
    }

    @Test("a file below a link of a lower layer lands where the link leads, and the link stays")
    func usrMerge() throws {
        let sandbox = try Sandbox()
        let top = try stack(
            sandbox,
            [
                archive {
                    $0.add("usr/lib/", .directory, mode: 0o711) { ($0.uid, $0.gid, $0.modified) = (3, 4, 1_234) }
                    $0.attribute("user.kept", [1])
                    $0.add("usr/", .directory, mode: 0o750)
                    $0.add("lib", .link, link: "usr/lib")
                    $0.add("var/run", .link, link: "/run")
                    $0.add("run/", .directory)
                },
                archive {
                    $0.add("lib/library.so", text: "new")
                    $0.add("var/run/lock/", .directory)
                },
            ])[0]
        #expect(try text("usr/lib/library.so", in: top) == "new")
        #expect(try !top.exists("lib"))
        #expect(try top.open("run/lock", [.directory]).status().kind == .directory)
        // Directories made on the way have what the lower layer says of them.
        let lib = try top.open("usr/lib", [.directory]).status()
        #expect((lib.mode, lib.uid, lib.gid, lib.modifiedSeconds) == (0o711, 3, 4, 1_234))
        #expect(try top.open("usr", [.directory]).attribute("user.kept", is: 1))
    }

    @Test("a link whose target a middle layer removed leads to a new, opaque directory")
    func linkIntoRemoved() throws {
        let sandbox = try Sandbox()
        let top = try stack(
            sandbox,
            [
                archive {
                    $0.add("d/old", text: "old")
                    $0.add("l", .link, link: "d")
                },
                archive { $0.add(".wh.d") },
                archive { $0.add("l/new", text: "new") },
            ])
        #expect(try isWhiteout("d", in: top[1]))
        #expect(try text("d/new", in: top[0]) == "new")
        #expect(try !isOpaque("d", in: top[0]), "the middle layer's whiteout hides the lowest already")
    }

    @Test("whiteouts are written only for what lower layers have")
    func whiteouts() throws {
        let sandbox = try Sandbox()
        let top = try stack(
            sandbox,
            [
                archive {
                    $0.add("d/file", text: "old")
                    $0.add("link", .link, link: "nowhere")
                },
                archive {
                    $0.add("d/.wh.file")
                    $0.add(".wh.link")
                    $0.add(".wh.never")
                    $0.add("d/.wh.never")
                },
            ])[0]
        #expect(try isWhiteout("d/file", in: top))
        #expect(try isWhiteout("link", in: top))
        #expect(try !top.exists("never"))
        #expect(try !top.exists("d/never"))
    }

    @Test("without knowledge of lower layers every whiteout is written")
    func unknownLowers() throws {
        let sandbox = try Sandbox()
        let layer = try sandbox.makeDirectory("layer")
        let input = try sandbox.makeFile("layer.tar", archive { $0.add("d/.wh.file") })
        let outcome = try Unpacker.run(["layer"], input: input, target: layer)
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
        #expect(try isWhiteout("d/file", in: layer))
    }

    @Test("a directory is opaque when its lower contents must not show", arguments: [
        "an opaque mark", "an opaque mark first", "a whiteout before it", "a whiteout after it", "a file before it",
    ])
    func opaque(_ order: String) throws {
        let sandbox = try Sandbox()
        let top = try stack(
            sandbox,
            [
                archive { $0.add("d/old", text: "old") },
                archive {
                    switch order {
                    case "an opaque mark first":
                        $0.add("d/.wh..wh..opq")
                        $0.add("d/", .directory)
                    case "a whiteout before it":
                        $0.add(".wh.d")
                        $0.add("d/", .directory)
                    case "a file before it":
                        $0.add("d", text: "file")
                        $0.add("d/", .directory)
                    default: $0.add("d/", .directory)
                    }
                    $0.add("d/new", text: "new")
                    if order == "an opaque mark" { $0.add("d/.wh..wh..opq") }
                    if order == "a whiteout after it" { $0.add(".wh.d") }
                },
            ])[0]
        #expect(try isOpaque("d", in: top))
        #expect(try text("d/new", in: top) == "new")
    }

    @Test("what an opaque directory hid is not linked through or to")
    func opaqueHides() throws {
        let sandbox = try Sandbox()
        let lowers = try stack(
            sandbox,
            [
                archive {
                    $0.add("d/file", text: "old")
                    $0.add("d/sub/", .directory, mode: 0o700)
                },
                archive { $0.add("d/.wh..wh..opq") },
            ])
        let (linked, _) = try sandbox.unpack(
            archive { $0.add("h", .hardLink, link: "d/file") }, into: "linked", lowers: lowers)
        #expect(linked.refusal == "layer.entry-invalid")
        let (made, layer) = try sandbox.unpack(archive { $0.add("d/sub/x") }, into: "made", lowers: lowers)
        #expect(made.exitStatus == 0)
        #expect(try layer.open("d/sub", [.directory]).status().mode == 0o755, "not the hidden one's 0700")
    }

    @Test("a hard link to a lower layer's file brings the file with everything it has")
    func hardLinkCopiesUp() throws {
        let sandbox = try Sandbox()
        let top = try stack(
            sandbox,
            [
                archive {
                    $0.attribute("user.kept", [1])
                    $0.add("usr/bin/tool", mode: 0o4755, content: Array("program".utf8)) {
                        ($0.uid, $0.gid, $0.modified) = (5, 6, 77)
                    }
                    $0.add("bin", .link, link: "usr/bin")
                },
                archive { $0.add("bin/alias", .hardLink, link: "/bin/tool") },
            ])[0]
        let status = try top.open("usr/bin/alias").status()
        #expect((status.mode, status.uid, status.gid, status.modifiedSeconds) == (0o4755, 5, 6, 77))
        #expect(status.links == 2)
        #expect(try text("usr/bin/tool", in: top) == "program")
        #expect(try top.open("usr/bin/alias").attribute("user.kept", is: 1))
    }

    @Test("hundreds of lower layers are searched with bounded descriptors")
    func manyLowers() throws {
        let sandbox = try Sandbox()
        let lower = try stack(
            sandbox,
            [
                archive {
                    $0.add("a/b/c/d/e/f/g/", .directory, mode: 0o710)
                    $0.add("link", .link, link: "a/b/c/d/e/f")
                }
            ])[0]
        let lowers = [OwnedDescriptor](repeating: lower, count: 400)
        let (outcome, layer) = try sandbox.unpack(
            archive { tar in
                for index in 0..<20 {
                    tar.add("link/g/file\(index)", text: "new")
                    tar.add("a/file\(index)", text: "new")
                }
            }, into: "layer", lowers: lowers)
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
        #expect(try text("a/b/c/d/e/f/g/file19", in: layer) == "new")
        #expect(try layer.open("a/b/c/d/e/f/g", [.directory]).status().mode == 0o710)
    }

    @Test("entries of the same layer replace one another, the last one wins")
    func lastWins() throws {
        let sandbox = try Sandbox()
        let top = try stack(
            sandbox,
            [
                archive {
                    $0.add("a/deep/file", text: "1")
                    $0.add("a", text: "file")
                    $0.add("b", .link, link: "a")
                    $0.add("b/", .directory, mode: 0o700)
                    $0.attribute("user.first", [1])
                    $0.add("c/", .directory, mode: 0o700)
                    $0.add("c/kept", text: "kept")
                    $0.add("c/", .directory, mode: 0o755) { $0.modified = 99 }
                    $0.add("d", mode: 0o6755, content: [1]) { $0.uid = 7 }
                    $0.add("e", .hardLink, link: "d")
                    $0.add("d", text: "plain")
                }
            ])[0]
        #expect(try text("a", in: top) == "file")
        #expect(try top.status(of: "b").kind == .directory)
        #expect(try text("c/kept", in: top) == "kept")
        let directory = try top.open("c", [.directory])
        #expect(try directory.status().mode == 0o755)
        #expect(try directory.status().modifiedSeconds == 99)
        #expect(try directory.attributeNames().isEmpty)
        #expect(try top.status(of: "d").mode == 0o644)
        #expect(try top.status(of: "d").links == 1)
        #expect(try top.status(of: "e").mode == 0o6755)
    }
}
