import RawHTTP
import Testing

@testable import HTTPServing

@Suite("Figures, files and plain routes", .timeLimit(.minutes(5)))
struct PlainRouteTests {
    @Test(
        "plain routes answer as clients expect",
        arguments: [
            ("/version", #"{"version":"1.2.3"}"#), ("/flags", #"{"flags":{"ip":"127.0.0.1"}}"#), ("/health", ""),
            ("/metrics/snapshot", #"{"master/uptime_secs":12.5}"#),
            ("/metrics/snapshot?timeout=5secs", #"{"master/uptime_secs":12.5}"#),
            ("/metrics", "# TYPE bulkhead_master_uptime_secs gauge\nbulkhead_master_uptime_secs 12.5\n"),
            (
                "/files/browse?path=/log",
                #"[{"gid":"root","mode":"-rw-r--r--","mtime":5.0,"nlink":1,"path":"/log/file","size":10,"uid":"root"}]"#
            ),
            ("/files/read?path=/log/file&offset=3&length=4", #"{"data":"3456","offset":3}"#),
            ("/files/read?path=/log/cut&offset=0&length=3", #"{"data":"456","offset":4}"#),
            ("/files/read?path=/log/file&offset=-1", #"{"data":"","offset":600010}"#),
            ("/files/read?path=/log/file&offset=600009&length=-1", #"{"data":"z","offset":600009}"#),
            ("/files/debug", #"{"/log":"/var/log/x"}"#),
        ])
    func answers(_ path: String, _ body: String) async throws {
        let served = try await Served.start()
        let answer = try await RawConnection.get(served.port, path)
        #expect(answer.status == 200)
        #expect(answer.body == body)
        await served.server.stop()
    }

    @Test(
        "to Prometheus a framework's figures are those of one name, with whose they are beside it",
        arguments: [
            ("master/frameworks_active", "bulkhead_master_frameworks_active", ""),
            (
                "master/frameworks/a%20b/m-0001/calls", "bulkhead_master_frameworks_calls",
                #"{framework_name="a%20b",framework_id="m-0001"}"#
            ),
            (
                "master/frameworks//x\"y/tasks/active/task_running",
                "bulkhead_master_frameworks_tasks_active_task_running",
                #"{framework_name="",framework_id="x\"y"}"#
            ),
            (
                "master/frameworks/f/x\"\u{301}\n\\\u{301}/calls", "bulkhead_master_frameworks_calls",
                "{framework_name=\"f\",framework_id=\"x\\\"\u{301}\\\\u{a}\\\\\u{301}\"}"
            ),
            (
                "master/frameworks/f/i/roles/eng/web/suppressed", "bulkhead_master_frameworks_roles_suppressed",
                #"{framework_name="f",framework_id="i",role="eng/web"}"#
            ),
        ])
    func labelled(_ name: String, _ family: String, _ labels: String) {
        let shown = Metrics.labelled(name)
        #expect(shown.name == family && shown.labels == labels)
    }

    @Test("figures of one name stand together, whatever their labels are")
    func together() async {
        let metrics = Metrics()
        for framework in ["a", "b"] {
            for figure in ["calls", "events"] { metrics.add("master/frameworks/\(framework)/i/\(figure)") { 1 } }
        }
        let names = await metrics.exposition().split(separator: "\n").map { line in
            line.hasPrefix("#") ? "#" : String(line.prefix { $0 != "{" }.suffix(6))
        }
        #expect(names == ["#", "_calls", "_calls", "#", "events", "events"])
    }

    @Test(
        "files that are not there or not named are refused",
        arguments: [
            ("/files/browse", 400), ("/files/read?path=", 400), ("/files/read?path=/none", 404),
            ("/files/read?path=/log/file&offset=x", 400), ("/files/read?path=/log/file&offset=-2", 400),
            ("/files/download?path=/none", 404), ("/files/browse?path=/log/../etc", 404),
            ("/metrics/snapshot?timeout=soon", 400),
        ])
    func refusals(_ path: String, _ status: Int) async throws {
        let served = try await Served.start()
        #expect(try await RawConnection.get(served.port, path).status == status)
        await served.server.stop()
    }

    @Test("a download arrives whole, in pieces")
    func download() async throws {
        let served = try await Served.start()
        let answer = try await RawConnection.get(served.port, "/files/download?path=/log/file")
        #expect(answer.status == 200)
        #expect(answer.body.utf8.count == MemoryFiles.content.count)
        #expect(answer["Content-Disposition"] == #"attachment; filename="file""#)
        let cut = try await RawConnection.get(served.port, "/files/download?path=/log/cut")
        #expect(cut["Bulkhead-File-Offset"] == "4" && cut["Content-Length"] == "\(MemoryFiles.content.count - 4)")
        #expect(cut.body.utf8.elementsEqual(MemoryFiles.content.dropFirst(4)), "what is left, once")
        await served.server.stop()
    }

    @Test(
        "dates are written as HTTP has them",
        arguments: [(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT")])
    func dates(_ seconds: Int64, _ text: String) { #expect(HTTPDate.text(secondsSinceEpoch: seconds) == text) }

    @Test(
        "durations of the protocol are read",
        arguments: [("5secs", 5.0), ("1.5mins", 90), ("100ms", 0.1), ("2hrs", 7_200)])
    func durations(_ text: String, _ seconds: Double) {
        #expect(ProtocolDuration.read(text) == .milliseconds(Int64(seconds * 1_000)))
    }

    @Test("what is no duration is not read", arguments: ["5", "secs", "-5secs", "1e9weeks", "5 secs", ""])
    func notDurations(_ text: String) { #expect(ProtocolDuration.read(text) == nil) }
}
