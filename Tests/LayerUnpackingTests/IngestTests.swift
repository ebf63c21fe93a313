import HostileArchives
import LinuxKernel
import OCIFormat
import Testing

@Suite("taking an outer archive apart") struct IngestTests {
    private let sandbox: Sandbox
    private let staging: OwnedDescriptor

    init() throws {
        sandbox = try Sandbox()
        staging = try sandbox.makeDirectory("staging")
    }

    private func ingest(_ archive: [UInt8], _ arguments: [String] = []) throws -> Unpacker.Outcome {
        try Unpacker.run(["ingest"] + arguments, input: try sandbox.makeFile("outer", archive), target: staging)
    }

    private static let members: [(name: String, content: [UInt8])] = [
        ("oci-layout", Array("{}".utf8)), ("blobs/sha256/aa", [UInt8](repeating: 7, count: 700_000)), ("empty", []),
        (claiming, Array("layer".utf8)),
    ]
    /// A blob by its name, whose digest whoever uses it has to compute.
    private static let claiming = "blobs/sha256/" + String(repeating: "bb", count: 32)

    private static var archive: [UInt8] {
        var tar = TarBuilder()
        tar.add("blobs/", .directory)
        for (name, content) in members { tar.add(name, content: content) }
        tar.add("layer.tar", .link, link: "../aa/layer.tar")
        tar.add("copy", .hardLink, link: "oci-layout")
        return tar.ended()
    }

    @Test("members are stored in order with size and digest, links are told, however packed", arguments: [
        Compression.none, .gzip, .zstd,
    ])
    func members(_ compression: Compression) throws {
        let archive =
            switch compression {
            case .none: Self.archive
            case .gzip: Compressed.gzip(Self.archive)
            case .zstd: Compressed.zstd(Self.archive)
            }
        let outcome = try ingest(archive)
        #expect(outcome.exitStatus == 0)
        let told = outcome.lines.filter { !$0.hasPrefix("{\"progress\"") }
        let expected = Self.members.enumerated().map { index, member in
            "{\"member\":{\"name\":\"\(member.name)\",\"file\":\"m\(index)\",\"size\":\(member.content.count)"
                + (member.name == Self.claiming ? "}}" : ",\"digest\":\"\(Digest(of: member.content))\"}}")
        }
        #expect(told[..<4] == expected[...])
        #expect(told[4] == #"{"link":{"name":"layer.tar","target":"../aa/layer.tar"}}"#)
        #expect(told[5] == #"{"link":{"name":"copy","target":"oci-layout"}}"#)
        #expect(told[6] == "{\"done\":{\"members\":7,\"bytes\":\(Self.archive.count)}}")
        for (index, member) in Self.members.enumerated() {
            #expect(try staging.open(RawPath("m\(index)")).readAll(limit: 1 << 20) == member.content)
            #expect(try staging.status(of: RawPath("m\(index)")).mode == 0o600)
        }
    }

    @Test("more members or bytes than allowed, a cut archive and a sparse member are refused", arguments: [
        ("members", "layer.limit"), ("bytes", "layer.limit"), ("blob", "layer.limit"), ("cut", "layer.archive-invalid"),
        ("sparse", "layer.entry-invalid"), ("garbage", "layer.archive-invalid"),
    ])
    func refused(_ what: String, _ code: String) throws {
        var archive = Self.archive
        var arguments: [String] = []
        switch what {
        case "members": arguments = ["--max-members", "6"]
        case "bytes": arguments = ["--max-bytes", "500000"]
        case "blob": arguments = ["--max-blob-bytes", "500000"]
        case "cut": archive = Array(archive[..<300_000])
        case "garbage": archive = Array("this is no archive".utf8) + [UInt8](repeating: 0x41, count: 2_000)
        default:
            var tar = TarBuilder()
            tar.pax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "hole"),
                ("GNU.sparse.realsize", "4096"),
            ])
            tar.add("x", content: Array("1\n1024\n6\n".utf8) + [UInt8](repeating: 0, count: 503) + [1, 2, 3, 4, 5, 6])
            archive = tar.ended()
        }
        let outcome = try ingest(archive, arguments)
        #expect(outcome.exitStatus == 1)
        #expect(outcome.refusal == code, "\(outcome.last)")
    }

    @Test("digest prints the SHA-256 of what it reads")
    func digest() throws {
        let content = [UInt8](repeating: 3, count: 1_000_000)
        let (read, write) = try OwnedDescriptor.pipe()
        let child = try start(try sandbox.makeFile("content", content), consume write)
        #expect(try read.readAll(limit: 1_000) == Array("\(Digest(of: content))\n".utf8))
        #expect(try child.reap() == .exited(0))
    }

    private func start(_ input: OwnedDescriptor, _ output: consuming OwnedDescriptor) throws -> ProcessHandle {
        try ToolProcess.start(
            try Unpacker.program(), ["digest"],
            descriptors: [input, output, try OwnedDescriptor.standardStream(2)])
    }
}
