import Diagnostics
import LinuxKernel
import Testing

@testable import Observation

@Suite("Files as an overlay of an image's layers shows them")
struct LayeredFilesTests {
    let tree: LayerTree
    let lower: OwnedDescriptor
    let upper: OwnedDescriptor

    init() throws {
        tree = try LayerTree()
        lower = try tree.addLayer()
        upper = try tree.addLayer()
    }

    private func read(_ path: String, limit: Int = 4_096) throws -> String? {
        try LayeredFiles(layers: tree.layers).read(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    private func names(_ path: String) throws -> [RawPath] {
        try LayeredFiles(layers: tree.layers).names(in: path, limit: 8)
    }

    @Test("directories of all layers are one, and of two files the upper one counts")
    func merged() throws {
        try lower.directory("etc").file("both", "lower")
        try lower.directory("etc").file("low", "1")
        try upper.directory("etc").file("both", "upper")
        try upper.directory("etc").file("up", "2")
        #expect(try read("/etc/both") == "upper")
        #expect(try read("/etc/low") == "1")
        #expect(try read("etc/./up") == "2")
        #expect(try names("/etc") == ["both", "low", "up"])
        #expect(try read("/etc") == nil && read("/etc/none") == nil && read("/etc/low/below") == nil)
    }

    @Test("a whiteout hides a file, and everything below a directory; what is put there again is seen")
    func whiteouts() throws {
        try lower.directory("etc").file("gone", "x")
        try lower.directory("var").directory("lib").file("status", "x")
        try upper.directory("etc").whiteout("gone")
        try upper.whiteout("var")
        #expect(try read("/etc/gone") == nil && read("/var/lib/status") == nil)
        #expect(try names("/etc") == [] && names("/var/lib") == [] && names("/") == ["etc"])
        try tree.addLayer().directory("var").file("new", "y")
        #expect(try read("/var/new") == "y" && names("/var") == ["new"])
        #expect(try read("/var/lib/status") == nil)
    }

    @Test("an opaque directory hides what lower layers have in it, and nothing beside it")
    func opaque() throws {
        try lower.directory("db").file("old", "x")
        try lower.directory("db").directory("deep").file("old", "x")
        try lower.file("beside", "x")
        let db = try upper.directory("db")
        try db.makeOpaque()
        try db.directory("deep").file("new", "y")
        #expect(try read("/db/old") == nil && read("/db/deep/old") == nil)
        #expect(try read("/db/deep/new") == "y" && read("/beside") == "x")
        #expect(try names("/db") == ["deep"] && names("/db/deep") == ["new"])
    }

    @Test("a file where lower layers have a directory hides it, and a directory hides a file")
    func replaced() throws {
        try lower.directory("a").file("below", "x")
        try lower.file("b", "x")
        try upper.file("a", "now a file")
        try upper.directory("b").file("below", "y")
        #expect(try read("/a") == "now a file" && read("/a/below") == nil && names("/a") == [])
        #expect(try read("/b") == nil && read("/b/below") == "y" && names("/b") == ["below"])
        // The file between hides the lowest directory from the top one.
        try tree.addLayer().directory("a").file("top", "z")
        #expect(try names("/a") == ["top"] && read("/a/below") == nil)
    }

    @Test("a link to a file of another name gives that file, from any layer")
    func links() throws {
        try lower.directory("usr").directory("lib").file("release.debian", "ID=debian")
        try upper.directory("etc").makeLink("os-release", to: "../usr/lib/release.debian")
        try upper.directory("etc").makeLink("absolute", to: "/usr/lib/release.debian")
        try upper.makeLink("lib", to: "usr/lib")
        #expect(try read("/etc/os-release") == "ID=debian")
        #expect(try read("/etc/absolute") == "ID=debian")
        #expect(try read("/lib/release.debian") == "ID=debian" && names("/lib") == ["release.debian"])
    }

    static let outside = ["/secret", "../../../../../../secret", "\(String(repeating: "../", count: 60))secret"]

    @Test("no link leads out of the image", arguments: outside)
    func escape(_ target: String) throws {
        try tree.root.file("secret", "the host's")
        try upper.directory("etc").makeLink("link", to: RawPath(target))
        try upper.directory("etc").makeLink("up", to: "/..")
        #expect(try read("/etc/link") == nil)
        #expect(try read("/etc/up/secret") == nil && read("/../secret") == nil)
        #expect(try read("/etc/link/../../../../../../../../../etc/passwd") == nil)
        try lower.file("secret", "the image's")
        #expect(try read("/etc/link") == "the image's")
    }

    @Test("links to the host's own files by their full path are looked for in the image")
    func absolute() throws {
        try tree.root.file("secret", "the host's")
        try upper.makeLink("status", to: RawPath(tree.path + "/secret"))
        try upper.makeLink("db", to: RawPath(tree.path))
        #expect(try read("/status") == nil && read("/db/secret") == nil && names("/db") == [])
    }

    @Test("links in a circle are refused, and so is a chain without an end")
    func circles() throws {
        try upper.makeLink("a", to: "b")
        try upper.makeLink("b", to: "a")
        try upper.makeLink("more", to: "more/more")
        for path in ["/a", "/more"] {
            #expect(throws: KernelError.self) { try read(path) }
        }
    }

    @Test("a hard link is the file it is of, and stays when the other name is hidden")
    func hardLinks() throws {
        try lower.directory("etc").file("one", "same")
        try lower.directory("etc").makeHardLink("two", to: "one", in: lower.directory("etc"))
        try upper.directory("etc").whiteout("one")
        #expect(try read("/etc/one") == nil && read("/etc/two") == "same" && names("/etc") == ["two"])
    }

    @Test("a file of the limit's size is read; one with more is refused, and so is a directory with more names")
    func limits() throws {
        try upper.file("file", "12345678")
        #expect(try read("/file", limit: 8) == "12345678")
        let failure = #expect(throws: KernelError.self) { try read("/file", limit: 7) }
        #expect(failure?.errno == Errno.fileTooBig)
        let full = try upper.directory("full")
        for number in 0..<9 { try (number < 5 ? full : lower.directory("full")).file(RawPath("\(number)"), "") }
        let refused = #expect(throws: KernelError.self) { try names("/full") }
        #expect(refused?.errno == Errno.fileTooBig)
    }

    @Test("what is no regular file is not opened: a pipe or a device would block, or do something")
    func special() throws {
        try upper.makeNode("pipe", kind: .fifo, mode: 0o644)
        try upper.makeNode("device", kind: .character, mode: 0o644, major: 1, minor: 5)
        try upper.makeLink("link", to: "pipe")
        #expect(try read("/pipe") == nil && read("/device") == nil && read("/link") == nil)
    }

    @Test("a name that is not UTF-8 is a name like any other, also in links, and its packages are told")
    func oddNames() throws {
        let name = RawPath(bytes: [0x6c, 0xff, 0x31])
        let parts = try lower.directory("var").directory("lib").directory("dpkg").directory("status.d")
        try parts.file(name, "Package: odd\nVersion: 1\n")
        try parts.makeLink("link", to: name)
        #expect(try names("/var/lib/dpkg/status.d") == ["link", name])
        let files = try LayeredFiles(layers: tree.layers)
        for one in ["link", name] {
            #expect(try files.read(one, in: "/var/lib/dpkg/status.d", limit: 4_096)?.isEmpty == false)
        }
        #expect(try PackageObserver.observe(layers: tree.layers).packages.map(\.name) == ["odd", "odd"])
        // What leads nowhere may have been a package.
        try parts.makeLink("lost", to: "nothing")
        let failure = #expect(throws: Failure.self) { try PackageObserver.observe(layers: tree.layers) }
        #expect(failure?.code == "audit.unobserved" && failure?.description.contains("lost") == true)
    }

    @Test("a layer that is a link or not there is refused, since it would be somebody else's")
    func layers() throws {
        try tree.root.makeLink("link", to: "layer-0")
        for path in ["\(tree.path)/link", "\(tree.path)/none"] {
            #expect(throws: KernelError.self) { try LayeredFiles(layers: [path]) }
        }
    }
}
