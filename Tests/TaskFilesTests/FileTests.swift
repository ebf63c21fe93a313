import AgentCore
import ClusterModel
import Diagnostics
import DurableStorage
import LinuxKernel
import Testing

@testable import TaskFiles

@Suite("Files of sandboxes", .timeLimit(.minutes(5)))
struct FileTests {
    @Test("a file is read by its host path, by latest and by its framework")
    func paths() throws {
        let place = try Workplace()
        let path = try place.sandbox()
        try place.write("hello", to: Workplace.run + "/stdout")
        let files = SandboxFiles(place.work)
        for asked in [
            path + "/stdout", path + "//./stdout",
            place.path + "/slaves/latest/frameworks/F-1/executors/job:1 ü/runs/latest/stdout",
            "/frameworks/F-1/executors/job:1 ü/runs/latest/stdout",
        ] {
            #expect(try files.read(asked, offset: 0, length: nil).bytes == Array("hello".utf8), "\(asked)")
        }
    }

    @Test(
        "what is fetched has one name in the sandbox, and what is asked for stays in it",
        arguments: [
            CommandSpec.Fetch("http://h/..%2F%CC%81x"), .init("http://h/a%2F%CC%81x"), .init("http://h/%2e%2e"),
            .init("http://h/f", outputFile: "a/../\u{301}b"), .init("http://h/f", outputFile: "/\u{301}b"),
        ])
    func fetched(_ fetch: CommandSpec.Fetch) { #expect(throws: Failure.self) { try FetchAddress(fetch) } }

    @Test("a password is shown to nobody, whatever stands beside its signs")
    func password() {
        #expect(FetchAddress.shown("https://u:s@\u{301}h/x") == "https://\u{2026}@\u{301}h/x")
        #expect(FetchAddress.shown("https://\u{301}u:s@h/x") == "https://\u{2026}@h/x")
    }

    @Test(
        "offset and length mean what clients expect",
        arguments: [
            (nil, nil, "", 10), (-1, nil, "", 10), (0, nil, "0123456789", 0), (4, 3, "456", 4), (4, -1, "456789", 4),
            (4, 0, "", 4), (10, nil, "", 10), (99, 5, "", 10),
        ] as [(Int64?, Int64?, String, Int64)])
    func offsets(_ offset: Int64?, _ length: Int64?, _ text: String, _ at: Int64) throws {
        let place = try Workplace()
        let path = try place.sandbox()
        try place.write("0123456789", to: Workplace.run + "/f")
        let piece = try SandboxFiles(place.work).read(path + "/f", offset: offset, length: length)
        #expect(piece == FilePiece(bytes: Array(text.utf8), offset: at, size: 10))
    }

    @Test("a time that no number of nanoseconds reaches is listed as the furthest one, whatever a task sets")
    func farTimes() throws {
        let place = try Workplace()
        let path = try place.sandbox()
        try place.write("x", to: Workplace.run + "/f")
        let file = try OwnedDescriptor.open(RawPath(path + "/f"), [.writeOnly])
        for (seconds, expected) in [(9_300_000_000, Int64.max), (1_000_000_000, 1_000_000_000_000_000_007)] {
            try file.setModified(seconds: Int64(seconds), nanoseconds: 7)
            let facts = try SandboxFiles(place.work).list(path).map { FileFacts(path: $0.path, status: $0.status) }
            #expect(facts.map(\.modified) == [expected])
        }
        var status = try file.status()
        for (seconds, nanoseconds, expected) in [
            (.max, 999_999_999, .max), (.min, 0, .min), (-9_223_372_037, 0, .min), (9_223_372_036, 854_775_808, .max),
            (9_223_372_036, 854_775_807, .max), (-1, 5, -999_999_995), (0, 0, 0),
        ] as [(Int64, Int64, Int64)] {
            (status.modifiedSeconds, status.modifiedNanoseconds) = (seconds, nanoseconds)
            #expect(status.modifiedSinceEpoch == expected, "\(seconds).\(nanoseconds)")
        }
    }

    @Test("one read gives at most its bound")
    func bound() throws {
        let place = try Workplace()
        let path = try place.sandbox()
        try place.write(String(repeating: "x", count: 200_000), to: Workplace.run + "/f")
        let piece = try SandboxFiles(place.work).read(path + "/f", offset: 0, length: 150_000)
        #expect(piece.bytes.count == SandboxFiles.readBytesMax)
    }

    @Test(
        "what is not a file of a sandbox is refused",
        arguments: [
            ("", "files.no-path"), ("/etc/passwd", "files.not-found"), ("%/meta/journal", "files.not-found"),
            ("@/absent", "files.not-found"), ("@/../c1/stdout", "files.not-found"), ("@/dir", "files.not-a-file"),
            ("@/fifo", "files.not-a-file"), ("@/outside", "files.not-found"), ("@/proc", "files.forbidden"),
            ("%/slaves/A-S0", "files.not-found"), ("@/device", "files.not-a-file"),
        ])
    func refused(_ form: String, _ code: String) throws {
        let place = try Workplace()
        let path = try place.sandbox()
        let run = try OwnedDescriptor.open(RawPath(path), [.directory])
        try run.makeDirectory("dir", mode: 0o755)
        try run.makeNode("fifo", kind: .fifo, mode: 0o644)
        // Of no driver: whoever opens it gets ENXIO.
        try run.makeNode("device", kind: .character, mode: 0o644, major: 240, minor: 77)
        try run.makeLink("outside", to: "/etc/passwd")
        try run.makeLink("proc", to: "../../../../../../../../../../proc/self/environ")
        let asked = form.replacing("%", with: place.path).replacing("@", with: path)
        let failure = #expect(throws: Failure.self) {
            _ = try SandboxFiles(place.work).read(asked, offset: 0, length: nil)
        }
        #expect(failure?.code.rawValue == code)
    }

    @Test("links inside a sandbox lead to files inside it")
    func innerLinks() throws {
        let place = try Workplace()
        let path = try place.sandbox()
        try place.work.prepare(
            .init(
                path: path + "/containers/n1", links: [.init(path: path + "/tasks/t:1", target: "../containers/n1")]))
        try place.write("inner", to: Workplace.run + "/containers/n1/stdout")
        let files = SandboxFiles(place.work)
        #expect(try files.read(path + "/tasks/t:1/stdout", offset: 0, length: nil).bytes == Array("inner".utf8))
        #expect(try files.list(path).map(\.path) == [path + "/containers", path + "/tasks"])
        #expect(try files.list(path + "/tasks/t:1/").map(\.status.size) == [5])
    }

    @Test("a log within its limit is left alone; beyond it its oldest part goes and offsets stay")
    func limits() throws {
        let place = try Workplace()
        let path = try place.sandbox()
        let files = SandboxFiles(place.work)
        try place.write(String(repeating: "a", count: 100_000), to: Workplace.run + "/stdout")
        let file = try OwnedDescriptor.open(RawPath(path + "/stdout"), [.readWrite])
        #expect(try !LogKeeper.enforce(200_000, on: file))
        try place.write(String(repeating: "b", count: 150_000), to: Workplace.run + "/stdout")
        #expect(try LogKeeper.enforce(200_000, on: file))
        let status = try file.status()
        #expect(status.size == 250_000)
        #expect(status.blocks * 512 < 200_000)
        let piece = try files.read(path + "/stdout", offset: 0, length: 10)
        #expect(piece.offset > 90_000 && piece.size == 250_000)
        #expect(piece.bytes == Array(repeating: UInt8(ascii: piece.offset < 100_000 ? "a" : "b"), count: 10))
        #expect(try files.read(path + "/stdout", offset: 249_999, length: 10).bytes == [UInt8(ascii: "b")])
    }

    @Test("a log is kept within its limit while it is written, from before it is there until it is removed")
    func keeps() async throws {
        let place = try Workplace()
        let path = try place.sandbox()
        let host = try TaskHost(
            workDirectory: place.work, unpacker: "/none", downloader: MemoryDownloader([:]))
        let keeping = Task { try await host.keepLog(path + "/stdout", bytesMax: 200_000) }
        for _ in 0..<20 {
            try place.write(String(repeating: "x", count: 50_000), to: Workplace.run + "/stdout")
        }
        try await eventually("the log to be within its limit") {
            try place.status(Workplace.run + "/stdout").blocks * 512 <= 200_000
        }
        #expect(try place.status(Workplace.run + "/stdout").size == 1_000_000)
        #expect(try await host.sandboxes() == [path])
        try OwnedDescriptor.open(RawPath(path), [.directory]).unlink("stdout")
        try await withTaskCancellationHandler { try await keeping.value } onCancel: { keeping.cancel() }
    }

    @Test("files of containers that stand alone are read by their paths")
    func standalone() throws {
        let place = try Workplace()
        try place.work.prepare(.init(path: place.path + "/containers/c1", user: "root"))
        try place.write("alone", to: "containers/c1/stdout")
        let files = SandboxFiles(place.work)
        let path = place.path + "/containers/c1"
        #expect(try files.read(path + "/stdout", offset: 0, length: nil).bytes == Array("alone".utf8))
        #expect(try files.list(path).map(\.path) == [path + "/stdout"])
        #expect(throws: Failure.self) { try files.list(place.path + "/containers") }
    }

    @Test("a follower gets what is there, what is appended, and the end")
    func follow() async throws {
        let place = try Workplace()
        let path = try place.sandbox()
        let name = Workplace.run + "/stdout"
        try place.write("one ", to: name)
        let follower = LogFollower(
            files: SandboxFiles(place.work), watch: try FileWatch(), blocking: BlockingWork(threads: 2))
        let (pieces, continuation) = AsyncStream.makeStream(of: String.self)
        let following = Task {
            try await follower.follow(path + "/stdout", from: 0) { piece in
                continuation.yield(String(decoding: piece.bytes, as: UTF8.self))
            }
            continuation.finish()
        }
        var text = ""
        var next = ["two ", "three"][...]
        for await piece in pieces {
            text += piece
            if text.hasSuffix(" "), let more = next.popFirst() {
                try place.write(more, to: name)
            } else if text.hasSuffix("three") {
                try OwnedDescriptor.open(RawPath(path), [.directory]).unlink("stdout")
            }
        }
        try await withTaskCancellationHandler { try await following.value } onCancel: { following.cancel() }
        #expect(text == "one two three")
    }

    /// The descriptor is closed when this returns: nothing but the watch knows the file any more once it has no name.
    private func signals(_ watch: FileWatch, _ path: String) throws -> AsyncStream<Void> {
        try watch.signals(for: try OwnedDescriptor.open(RawPath(path), [.readOnly]))
    }

    @Test("the end of a file is told to all who listen to it, and others are listened to afterwards")
    func fileEnds() async throws {
        let place = try Workplace()
        let path = try place.sandbox()
        let watch = try FileWatch()
        for name in ["stdout", "stderr"] { try place.write("old", to: Workplace.run + "/" + name) }
        let (first, second) = (try signals(watch, path + "/stdout"), try signals(watch, path + "/stdout"))
        try OwnedDescriptor.open(RawPath(path), [.directory]).unlink("stdout")
        for await _ in first {}
        for await _ in second {}
        var told = 0
        for await _ in try signals(watch, path + "/stderr") {
            told += 1
            if told == 2 { break }
            try place.write("new", to: Workplace.run + "/stderr")
        }
        #expect(told == 2)
    }

    @Test("listeners who come and go beside each other miss nothing")
    func comingAndGoing() async throws {
        let place = try Workplace()
        let path = try place.sandbox()
        let watch = try FileWatch()
        try place.write("old", to: Workplace.run + "/stdout")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<200 {
                        var told = 0
                        for await _ in try self.signals(watch, path + "/stdout") {
                            told += 1
                            // The first comes by itself; the second only as long as the kernel's watch is there.
                            if told == 2 { break }
                            try place.write("n", to: Workplace.run + "/stdout")
                        }
                        guard told == 2 else { throw Failure("test.lost", doing: "listen to a file") }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("a follower from the end sees only what comes, and cancelling ends it")
    func followEnd() async throws {
        let place = try Workplace()
        let path = try place.sandbox()
        let name = Workplace.run + "/stderr"
        try place.write("old", to: name)
        let watch = try FileWatch()
        let follower = LogFollower(files: SandboxFiles(place.work), watch: watch, blocking: BlockingWork(threads: 1))
        let (pieces, continuation) = AsyncStream.makeStream(of: FilePiece.self)
        let following = Task {
            try await follower.follow(path + "/stderr", from: nil) { continuation.yield($0) }
            continuation.finish()
        }
        // The follower may start before or after this write: it sees only pieces that begin at or after "old".
        let writer = Task {
            while !Task.isCancelled {
                try place.write("n", to: name)
                await Task.yield()
            }
        }
        for await piece in pieces {
            #expect(piece.offset >= 3)
            break
        }
        writer.cancel()
        _ = await writer.result
        following.cancel()
        _ = await following.result
    }
}

/// Waits for a condition; the suite's time limit ends it.
private func eventually(_ what: String, _ isSo: () throws -> Bool) async throws {
    while try !isSo() { try await Task.sleep(for: .milliseconds(5)) }
}
