import AgentCore
import ClusterModel
import Crypto
import Diagnostics
import DurableStorage
import LinuxKernel
import Synchronization
import Testing

@testable import TaskFiles

/// Serves bodies from memory, in pieces, and counts.
final class MemoryDownloader: Downloader {
    private let bodies: [String: [UInt8]]
    private let calls = Mutex<[String]>([])
    var asked: [String] { calls.withLock { $0 } }

    init(_ bodies: [String: [UInt8]]) { self.bodies = bodies }

    func download(
        _ address: String, stall: Duration, take: @Sendable @escaping ([UInt8]) async throws(Failure) -> Void
    ) async throws(Failure) {
        calls.withLock { $0.append(address) }
        guard let body = bodies[address] else {
            throw Failure("fetch.status", doing: "fetch", on: address, cause: "the server answered 404")
        }
        var rest = body[...]
        while !rest.isEmpty {
            try await take(Array(rest.prefix(1_000)))
            rest = rest.dropFirst(1_000)
        }
    }
}

@Suite("Fetching")
struct FetchTests {
    private struct Bench {
        let place: Workplace
        let sandbox: String
        let fetcher: Fetcher
        let downloader: MemoryDownloader
        let bytesMax: UInt64?

        init(
            _ bodies: [String: [UInt8]] = [:], bytesMax: UInt64? = nil, _ change: (inout FetchRules) -> Void = { _ in }
        ) throws {
            place = try Workplace()
            sandbox = try place.sandbox()
            downloader = MemoryDownloader(bodies)
            self.bytesMax = bytesMax
            var rules = FetchRules()
            change(&rules)
            fetcher = try Fetcher(
                work: place.work, rules: rules, downloader: downloader,
                extractor: ArchiveExtractor(program: try Workplace.unpacker()), blocking: BlockingWork(threads: 4))
        }

        func fetch(_ fetches: CommandSpec.Fetch..., user: String? = "1000:1000") async throws {
            try await fetcher.fetch(fetches, into: sandbox, user: user, bytesMax: bytesMax)
        }

        func text(_ name: String) throws -> String { try TextFile.read(sandbox + "/" + name, limit: 10 << 20) }
    }

    private static func sha256(_ bytes: [UInt8]) -> String {
        SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("a file comes with its name, owner and mode, and stderr tells")
    func plain() async throws {
        let body = Array(String(repeating: "line\n", count: 10_000).utf8)
        let bench = try Bench(["http://h/dir/a%20file.sh?v=1": body])
        try await bench.fetch(CommandSpec.Fetch("http://h/dir/a%20file.sh?v=1", isExecutable: true))
        #expect(try bench.text("a file.sh").utf8.count == body.count)
        let status = try bench.place.status(Workplace.run + "/a file.sh")
        #expect([status.uid, status.gid, status.mode] == [1_000, 1_000, 0o755])
        #expect(try bench.text("stderr").contains("fetched http://h/dir/a%20file.sh"))
        #expect(try OwnedDescriptor.open(RawPath(bench.sandbox), [.directory]).entries().count == 2)
    }

    @Test("a digest is checked, and a file that has another one never appears")
    func digest() async throws {
        let body = Array("content".utf8)
        let bench = try Bench(["http://h/f": body])
        try await bench.fetch(CommandSpec.Fetch("http://h/f#sha256:\(Self.sha256(body))"))
        #expect(try bench.text("f") == "content")
        let wrong = String(repeating: "0", count: 64)
        let failure = await #expect(throws: Failure.self) {
            try await bench.fetch(CommandSpec.Fetch("http://h/f#sha256:\(wrong)", outputFile: "other"))
        }
        #expect(failure?.code == "fetch.digest")
        #expect(try !bench.place.exists(Workplace.run + "/other"))
        #expect(try bench.text("stderr").contains("cannot fetch"))
    }

    @Test("an output file may lie in directories of its own")
    func output() async throws {
        let bench = try Bench(["https://h/f": [1]])
        try await bench.fetch(CommandSpec.Fetch("https://h/f", outputFile: "a/b/c"))
        #expect(try bench.place.status(Workplace.run + "/a/b/c").size == 1)
        #expect(try bench.place.status(Workplace.run + "/a").uid == 1_000)
    }

    @Test(
        "an address that cannot be carried out safely is refused before anything is opened",
        arguments: [
            ("ftp://h/f", nil), ("hdfs://h/f", nil), ("relative", nil), ("http://h/", nil), ("http://h", nil),
            ("http://h/..", nil), ("http://h/a%2fb", nil), ("http://h/%zz", nil), ("http://h/f#sha256:00", nil),
            ("http://h/f", "../out"), ("http://h/f", "/etc/x"), ("http://h/f", "a/../../b"), ("http://h/f", "a/"),
            ("http://h/%00", nil), ("file://other/x", nil), ("file:///srv/a%00b/f", nil), ("file:///srv/f%00", "out"),
            ("file://localhost/srv/%00", nil), ("file:///srv/f", "a%\u{0}b"), ("/srv/f", "a/\u{0}"),
        ] as [(String, String?)])
    func refused(_ address: String, _ output: String?) async throws {
        let bench = try Bench()
        let failure = await #expect(throws: Failure.self) {
            try await bench.fetch(CommandSpec.Fetch(address, outputFile: output))
        }
        #expect(failure?.code == "fetch.address")
        #expect(bench.downloader.asked == [])
    }

    @Test("a password in an address is shown to nobody")
    func password() async throws {
        let bench = try Bench()
        let failure = await #expect(throws: Failure.self) {
            try await bench.fetch(CommandSpec.Fetch("ftp://user:secret@h/f"))
        }
        #expect(failure?.description.contains("secret") == false)
        #expect(try !bench.text("stderr").contains("secret"))
    }

    @Test("files of the host are fetched from allowed directories only, links do not lead out of them")
    func hostFiles() async throws {
        let source = try Workplace()
        try source.write("mine", to: "file")
        try OwnedDescriptor.open(RawPath(source.path), [.directory]).makeLink("link", to: "/etc/hostname")
        let path = source.path
        let bench = try Bench([:]) { $0.fileRoots = [path] }
        try await bench.fetch(
            CommandSpec.Fetch("file://\(path)/file"), CommandSpec.Fetch("\(path)/file", outputFile: "two"))
        #expect(try bench.text("file") == "mine")
        #expect(try bench.text("two") == "mine")
        for address in ["/etc/hostname", "\(path)/../x", "file://\(path)", path + "x/file"] {
            let failure = await #expect(throws: Failure.self) { try await bench.fetch(CommandSpec.Fetch(address)) }
            #expect(failure?.code == "fetch.file-not-allowed", "\(address)")
        }
        let failure = await #expect(throws: Failure.self) { try await bench.fetch(CommandSpec.Fetch("\(path)/link")) }
        #expect(failure?.code == "fetch.file")
    }

    @Test("the cache fetches once for many, by user, and drops the least recently used")
    func cache() async throws {
        let body = [UInt8](repeating: 1, count: 600)
        let bench = try Bench(["http://h/a": body, "http://h/b": body]) { $0.cacheBytesMax = 1_000 }
        let a = CommandSpec.Fetch("http://h/a", isCached: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try await bench.fetch(a) } }
            try await group.waitForAll()
        }
        #expect(bench.downloader.asked == ["http://h/a"])
        try await bench.fetch(a, user: "0")
        #expect(bench.downloader.asked.count == 2)
        #expect(await bench.fetcher.cache.bytesUsed == 600)
        try await bench.fetch(CommandSpec.Fetch("http://h/b", isCached: true))
        try await bench.fetch(a)
        #expect(bench.downloader.asked.count == 4)
        #expect(await bench.fetcher.cache.count == 1)
        #expect(try bench.place.status(Workplace.run + "/a").size == 600)
    }

    @Test("a failed download leaves nothing in the cache and is tried again")
    func cacheFailure() async throws {
        let bench = try Bench()
        for _ in 0..<2 {
            let failure = await #expect(throws: Failure.self) {
                try await bench.fetch(CommandSpec.Fetch("http://h/gone", isCached: true))
            }
            #expect(failure?.code == "fetch.status")
        }
        #expect(bench.downloader.asked.count == 2)
        #expect(await bench.fetcher.cache.count == 0)
    }

    @Test("a server that is too slow is given up, and what it began never appears")
    func tooSlow() async throws {
        // No time at all: each piece must be enough by itself.
        let bench = try Bench(["http://h/f": [UInt8](repeating: 0, count: 5_000)]) {
            $0.pace = .zero
            $0.paceBytesMin = 1_001
        }
        for isCached in [false, true] {
            let failure = await #expect(throws: Failure.self) {
                try await bench.fetch(CommandSpec.Fetch("http://h/f", isCached: isCached))
            }
            #expect(failure?.code == "fetch.too-slow" && failure?.retry == .later)
            #expect(try !bench.place.exists(Workplace.run + "/f"))
        }
        #expect(await bench.fetcher.cache.count == 0)
    }

    @Test("too large a file is cut off")
    func tooLarge() async throws {
        let bench = try Bench(["http://h/f": [UInt8](repeating: 0, count: 5_000)]) { $0.fileBytesMax = 4_000 }
        let failure = await #expect(throws: Failure.self) { try await bench.fetch(CommandSpec.Fetch("http://h/f")) }
        #expect(failure?.code == "fetch.too-large")
        #expect(try !bench.place.exists(Workplace.run + "/f"))
    }

    @Test("a container's limit of disk holds all its files together, also what comes by the cache")
    func budget() async throws {
        let body = [UInt8](repeating: 1, count: 700 << 10)
        for isCached in [false, true] {
            let bench = try Bench(["http://h/a": body, "http://h/b": body], bytesMax: 1 << 20)
            try await bench.fetch(CommandSpec.Fetch("http://h/a", isCached: isCached))
            try await bench.fetch(CommandSpec.Fetch("http://h/b", isCached: isCached, outputFile: "alone"))
            let failure = await #expect(throws: Failure.self) {
                try await bench.fetch(
                    CommandSpec.Fetch("http://h/a", isCached: isCached, outputFile: "one"),
                    CommandSpec.Fetch("http://h/b", isCached: isCached, outputFile: "two"))
            }
            #expect(failure?.code == "fetch.disk-limit" && failure?.cause?.contains("1 MiB") == true)
            #expect(try bench.place.exists(Workplace.run + "/one"))
            #expect(try !bench.place.exists(Workplace.run + "/two"))
            #expect(try bench.text("stderr").contains("cannot fetch"))
        }
    }

    @Test("what an archive becomes counts for the limit of disk with the archive", arguments: [false, true])
    func unpackedBudget(_ isCached: Bool) async throws {
        let source = try Workplace()
        let packing = try ToolProcess.start(
            "/bin/sh", ["-c", "cd '\(source.path)' && head -c 700000 /dev/zero > f && tar cf a.tar f && gzip -k a.tar"],
            environment: ["PATH=/usr/bin:/bin"], descriptors: [nil, nil, nil])
        try #require(try packing.reap() == .exited(0))
        var bodies: [String: [UInt8]] = [:]
        for name in ["a.tar", "a.tar.gz"] {
            bodies["http://h/" + name] = try OwnedDescriptor.open(RawPath("\(source.path)/\(name)"))
                .readAll(limit: 1 << 20)
        }
        let bench = try Bench(bodies, bytesMax: 1 << 20)
        try await bench.fetch(CommandSpec.Fetch("http://h/a.tar.gz", isCached: isCached))
        #expect(try bench.place.status(Workplace.run + "/f").size == 700_000)
        // Twice what it becomes; the cache's file is not the container's, so there it takes two archives.
        let again = [
            CommandSpec.Fetch("http://h/a.tar.gz", isCached: isCached),
            CommandSpec.Fetch(isCached ? "http://h/a.tar.gz" : "http://h/a.tar", isCached: isCached),
        ]
        let failure = await #expect(throws: Failure.self) {
            try await bench.fetcher.fetch(again, into: bench.sandbox, user: nil, bytesMax: bench.bytesMax)
        }
        #expect(failure?.code == "fetch.disk-limit")
        if isCached { return }
        let whole = await #expect(throws: Failure.self) { try await bench.fetch(CommandSpec.Fetch("http://h/a.tar")) }
        #expect(whole?.code == "fetch.disk-limit")
    }
}
