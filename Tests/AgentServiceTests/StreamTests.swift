import AsyncHTTPClient
import ClusterAPI
import ClusterModel
import Containers
import Diagnostics
import NIOCore
import NIOHTTP1
import RawHTTP
import Testing

@testable import AgentService

@Suite("Sessions and attached clients", .serialized, .timeLimit(.minutes(5)))
struct StreamTests {
    /// A task that runs, in a container an operator can name.
    private func running(
        _ change: @escaping (inout TaskSpec) -> Void = { _ in },
        _ body: (Bench, Caller, ContainerPath) async throws -> Void
    ) async throws {
        let bench = try await Bench()
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1", change)
        _ = await bench.acknowledge(&said, until: .running)
        let path = try #require(await bench.agent.snapshot().state.containers.values.first?.path)
        try await body(bench, Caller(bench), path)
        await bench.stop()
    }

    private static func call(_ type: String, _ member: String) -> String {
        #"{"type":"\#(type)","\#(type.lowercased())":{\#(member)}}"#
    }

    private static func id(_ path: ContainerPath, child: String? = nil) -> String {
        let own = #""container_id":{"value":"\#(path.leaf.text)"}"#
        return child.map { #""container_id":{"value":"\#($0)","parent":{"value":"\#(path.leaf.text)"}}"# } ?? own
    }

    private static func session(_ path: ContainerPath, _ name: String, _ line: String = "cat") -> String {
        call("LAUNCH_NESTED_CONTAINER_SESSION", id(path, child: name) + #","command":{"value":"\#(line)"}"#)
    }

    private static func input(_ io: ProcessIO) -> ByteBuffer { ByteBuffer(bytes: AttachInput.io(io).record()) }

    private static func first(_ path: ContainerPath, child: String? = nil) throws -> ByteBuffer {
        let whole = try child.map { try path.appending(ContainerName($0)) } ?? path
        return ByteBuffer(bytes: AttachInput.container(whole).record())
    }

    @Test("a session hears what is written to it through another call, and ends with its input")
    func session() async throws {
        try await running { bench, caller, path in
            try await caller.stream("/api/v1", Self.session(path, "s1")) { stream in
                #expect(stream.status == 200)
                #expect(stream.headers.first(name: "Content-Type") == "application/json")
                let (write, answer) = caller.input()
                write.yield(try Self.first(path, child: "s1"))
                write.yield(Self.input(.data(.input, Array("hello".utf8))))
                try await stream.says(.data(.output, Array("hello".utf8)))
                write.yield(Self.input(.heartbeat(interval: .seconds(30))))
                write.yield(Self.input(.resize(Terminal.Size(rows: 40, columns: 100))))
                write.yield(Self.input(.data(.input, [])))
                try await stream.says(nil)
                #expect(try await answer.valueOrEnd.status == 200)
                write.finish()
            }
            #expect(bench.containerizer.sessions.first?.sizes == [[40, 100]])
            let wait = try await caller.call("/api/v1", Self.call("WAIT_NESTED_CONTAINER", Self.id(path, child: "s1")))
            #expect(wait.status == 200 && wait.text.contains(#""exit_status":0"#), "\(wait.text)")
            let remove = Self.call("REMOVE_NESTED_CONTAINER", Self.id(path, child: "s1"))
            for _ in 0..<2 { #expect(try await caller.call("/api/v1", remove).status == 200) }
        }
    }

    @Test("a session's streams go by the types the client names")
    func types() async throws {
        try await running { bench, caller, path in
            let asked =
                [
                    "Content-Type": "application/json", "Accept": "application/recordio",
                    "Message-Accept": "application/x-protobuf",
                ] as HTTPHeaders
            try await caller.stream("/slave(1)/api/v1", Self.session(path, "s1"), asked) { stream in
                #expect(stream.headers.first(name: "Content-Type") == "application/recordio")
                #expect(stream.headers.first(name: "Message-Content-Type") == "application/x-protobuf")
                bench.containerizer.sessions.first?.say(.error([1, 2, 255]))
                let said = try await stream.io(.protobuf)
                #expect(said == .data(.error, [1, 2, 255]))
            }
        }
    }

    @Test("hanging up kills the process, and how it ended can be asked")
    func hangUp() async throws {
        try await running { bench, caller, path in
            try await caller.stream("/api/v1", Self.session(path, "s1")) { stream in #expect(stream.status == 200) }
            let session = try #require(bench.containerizer.sessions.first)
            try await eventually("the process to be killed") { session.code == 137 && session.isClosed }
            let wait = try await caller.call("/api/v1", Self.call("WAIT_CONTAINER", Self.id(path, child: "s1")))
            #expect(wait.status == 200 && wait.text.contains(#""exit_status":9"#), "\(wait.text)")
        }
    }

    @Test("whoever hangs up while it waits for a container leaves no call behind")
    func goneWaiter() async throws {
        try await running { bench, _, path in
            let body = Self.call("WAIT_CONTAINER", Self.id(path))
            let connection = try await RawConnection.open(try #require(bench.agent.port))
            try await connection.send(
                "POST /api/v1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            try await eventually("the call to wait") { bench.agent.openCalls == 1 }
            connection.close()
            try await eventually("the call to end") { bench.agent.openCalls == 0 }
        }
    }

    @Test("a session that ends by itself tells its code, and killing one works by name")
    func ends() async throws {
        try await running { bench, caller, path in
            try await caller.stream("/api/v1", Self.session(path, "s1")) { stream in
                bench.containerizer.sessions.first?.say(.output(Array("bye".utf8)))
                bench.containerizer.sessions.first?.end(3)
                try await stream.says(.data(.output, Array("bye".utf8)))
                try await stream.says(nil)
            }
            let wait = try await caller.call("/api/v1", Self.call("WAIT_NESTED_CONTAINER", Self.id(path, child: "s1")))
            #expect(wait.text.contains(#""exit_status":768"#), "\(wait.text)")
            try await caller.stream("/api/v1", Self.session(path, "s2")) { stream in
                let twice = try await caller.call("/api/v1", Self.session(path, "s2"))
                #expect(twice.status == 409)
                let early = Self.call("REMOVE_NESTED_CONTAINER", Self.id(path, child: "s2"))
                #expect(try await caller.call("/api/v1", early).status == 500)
                let kill = Self.call("KILL_NESTED_CONTAINER", Self.id(path, child: "s2") + #","signal":15"#)
                #expect(try await caller.call("/api/v1", kill).status == 200)
                try await stream.says(nil)
            }
        }
    }

    @Test("a container that cannot be started is refused with 400 and the reason, and can then be started")
    func unstartable() async throws {
        try await running { bench, caller, path in
            let launch = Self.call(
                "LAUNCH_NESTED_CONTAINER", Self.id(path, child: "c1") + #","command":{"value":"x"}"#)
            bench.containerizer.launchFailure.withLock {
                $0 = Failure("image.not-found", doing: "pull", on: "nowhere:1", cause: "it is not there", retry: .later)
            }
            let refused = try await caller.call("/api/v1", launch)
            #expect(refused.status == 400 && refused.text.contains("nowhere:1"), "\(refused.text)")
            bench.containerizer.launchFailure.withLock { $0 = nil }
            try await eventually("its name to be free") { try await caller.call("/api/v1", launch).status == 200 }
            #expect(try await caller.call("/api/v1", launch).status == 202)
            let remove = Self.call("REMOVE_NESTED_CONTAINER", Self.id(path, child: "c1"))
            #expect(try await caller.call("/api/v1", remove).status == 500)
        }
    }

    @Test("a wait that is one too many is refused with 503, after which the protocol's executors ask again")
    func waits() async throws {
        let bench = try await Bench(change: { $0.bounds.waitersMax = 0 })
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1")
        _ = await bench.acknowledge(&said, until: .running)
        let path = try #require(await bench.agent.snapshot().state.containers.values.first?.path)
        let wait = try await Caller(bench).call("/api/v1", Self.call("WAIT_CONTAINER", Self.id(path)))
        #expect(wait.status == 503 && wait.text.contains("wait already"), "\(wait.text)")
        await bench.stop()
    }

    @Test("what a slow listener does not read holds its process up, in bounded memory")
    func slow() async throws {
        try await running { bench, caller, path in
            try await caller.stream("/api/v1", Self.session(path, "s1")) { stream in
                let session = try #require(bench.containerizer.sessions.first)
                let piece = [UInt8](repeating: 7, count: 65_536)
                for _ in 0..<300 { session.say(.output(piece)) }
                session.end(0)
                // Nobody has read yet: what the sockets and the queue hold is all that was fetched.
                var before = -1
                while before != session.piecesRead {
                    before = session.piecesRead
                    try await Task.sleep(for: .milliseconds(50))
                }
                #expect(before < 250)
                var count = 0
                while let record = try await stream.next() {
                    #expect(record.count > piece.count)
                    count += 1
                }
                #expect(count == 300)
            }
        }
    }

    @Test("one writer at a time: the second is refused with 409, and may come when the first has gone")
    func oneWriter() async throws {
        try await running({ $0.container?.terminal = Terminal() }) { bench, caller, path in
            let (first, firstAnswer) = caller.input()
            first.yield(try Self.first(path))
            first.yield(Self.input(.data(.input, Array("a".utf8))))
            try await eventually("the first to write") { bench.containerizer.attachments.first?.written == "a" }
            let (second, refused) = caller.input()
            second.yield(try Self.first(path))
            #expect(try await refused.valueOrEnd.status == 409)
            second.finish()
            first.finish()
            #expect(try await firstAnswer.valueOrEnd.status == 200)
            let (third, thirdAnswer) = caller.input()
            third.yield(try Self.first(path))
            third.yield(Self.input(.data(.input, Array("b".utf8))))
            third.finish()
            #expect(try await thirdAnswer.valueOrEnd.status == 200)
            #expect(bench.containerizer.attachments.last?.written == "b")
        }
    }

    @Test("a task's output can be followed by several until it ends, and its end ends its writer too")
    func attach() async throws {
        try await running({ $0.container?.terminal = Terminal() }) { bench, caller, path in
            let (write, answer) = caller.input()
            write.yield(try Self.first(path))
            let follow = Self.call("ATTACH_CONTAINER_OUTPUT", Self.id(path))
            try await caller.stream("/api/v1", follow) { one in
                try await caller.stream("/api/v1", follow) { two in
                    try await eventually("all to be attached") { bench.containerizer.attachments.count == 3 }
                    for session in bench.containerizer.attachments { session.say(.output(Array("x".utf8))) }
                    try await one.says(.data(.output, Array("x".utf8)))
                    try await two.says(.data(.output, Array("x".utf8)))
                }
                let launch = try #require(bench.containerizer.running.first)
                bench.containerizer.end(launch.id, code: 0)
                for session in bench.containerizer.attachments { session.end(0) }
                try await one.says(nil)
            }
            #expect(try await answer.valueOrEnd.status == 200)
            write.finish()
            try await eventually("the connections to be let go") {
                bench.containerizer.attachments.allSatisfy(\.isClosed)
            }
        }
    }

    @Test("a session's output can be heard by others too")
    func listeners() async throws {
        try await running { bench, caller, path in
            try await caller.stream("/api/v1", Self.session(path, "s1")) { own in
                let follow = Self.call("ATTACH_CONTAINER_OUTPUT", Self.id(path, child: "s1"))
                try await caller.stream("/api/v1", follow) { other in
                    bench.containerizer.sessions.first?.say(.output(Array("x".utf8)))
                    try await own.says(.data(.output, Array("x".utf8)))
                    try await other.says(.data(.output, Array("x".utf8)))
                }
                bench.containerizer.sessions.first?.say(.output(Array("y".utf8)))
                try await own.says(.data(.output, Array("y".utf8)))
            }
        }
    }

    @Test("heartbeats come while nothing is said")
    func heartbeats() async throws {
        let bench = try await Bench(change: { $0.limits.sessionHeartbeat = .milliseconds(20) })
        var said = bench.master.said.makeAsyncIterator()
        _ = try await bench.admit(&said)
        try bench.run("t1")
        _ = await bench.acknowledge(&said, until: .running)
        let path = try #require(await bench.agent.snapshot().state.containers.values.first?.path)
        try await Caller(bench).stream("/api/v1", Self.session(path, "s1")) { stream in
            try await stream.says(.heartbeat(interval: .milliseconds(20)))
        }
        await bench.stop()
    }

    @Test("what is wrong is answered by the protocol's rules")
    func refusals() async throws {
        try await running { bench, caller, path in
            let bare = Self.call("ATTACH_CONTAINER_OUTPUT", #""container_id":{"value":"none"}"#)
            let missing = Self.session(path, "s9", "x").replacing(
                #""value":"x""#, with: #""shell":false,"value":"missing","arguments":["missing"]"#)
            let message =
                ["Content-Type": "application/json", "Message-Content-Type": "application/json"] as HTTPHeaders
            let records = ["Content-Type": "application/json", "Accept": "application/recordio"] as HTTPHeaders
            let wished = ["Content-Type": "application/json", "Message-Accept": "application/json"] as HTTPHeaders
            let cases: [(String, HTTPHeaders, UInt)] = [
                (bare, Caller.json, 404), (missing, Caller.json, 400),
                (Self.call("ATTACH_CONTAINER_OUTPUT", Self.id(path, child: "none")), Caller.json, 500),
                (Self.call("ATTACH_CONTAINER_INPUT", #""type":"CONTAINER_ID","# + Self.id(path)), Caller.json, 415),
                (#"{"type":"GET_HEALTH"}"#, message, 415), (#"{"type":"GET_HEALTH"}"#, records, 406),
                (#"{"type":"GET_HEALTH"}"#, wished, 406), (#"{"type":"GET_NOTHING"}"#, Caller.json, 400),
                (#"{"type":"UNKNOWN"}"#, Caller.json, 501),
                ("21\n" + #"{"type":"GET_HEALTH"}"#, Caller.records, 415),
                ("22\n" + #"{"type":"GET_NOTHING"}"#, Caller.records, 400),
                ("", ["Content-Type": "application/recordio"], 400),
                ("5\nabcde", Caller.records, 400), ("", Caller.records, 400), ("x\n", Caller.records, 400),
                (String(buffer: try Self.first(path)), Caller.records, 400),
                (String(buffer: try Self.first(path, child: "none")), Caller.records, 500),
                (
                    String(buffer: try Self.first(ContainerPath(ContainerName("no")), child: "ne")), Caller.records, 404
                ),
                (String(buffer: Self.input(.data(.input, [1]))), Caller.records, 400),
                (
                    "", ["Content-Type": "application/recordio", "Message-Content-Type": "application/recordio"],
                    415
                ),
            ]
            for (body, headers, status) in cases {
                let answer = try await caller.call("/api/v1", body, headers)
                #expect(answer.status == status, "\(body): \(answer.text)")
            }
        }
    }

    @Test("output is given from now on, or on request from its beginning; any other request is refused")
    func beginnings() async throws {
        try await running { bench, caller, path in
            let attach = Self.call("ATTACH_CONTAINER_OUTPUT", Self.id(path))
            var asking = Caller.json
            asking.add(name: AgentHeader.outputFrom, value: AgentHeader.beginning)
            for headers in [Caller.json, asking] {
                try await caller.stream("/api/v1", attach, headers) { stream in #expect(stream.status == 200) }
            }
            #expect(bench.containerizer.starts.withLock { $0 } == [.now, .beginning])
            var other = Caller.json
            other.add(name: AgentHeader.outputFrom, value: "the middle")
            #expect(try await caller.call("/api/v1", attach, other).status == 400)
        }
    }
}
