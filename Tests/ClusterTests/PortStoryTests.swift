import Testing

/// Ports that tasks publish, from the host they are published on: a network namespace of the test's own.
@Suite("Ports of tasks, end to end", .endsWhenStuck)
struct PortStoryTests {
    private static let server = "echo $0 > /tmp/index.html; exec httpd -f -p 80 -h /tmp"

    private func serve(_ cluster: LocalCluster, _ name: String, _ ports: [String]) async throws {
        let words = ["task", "run", "-d", "--cpus", "0.1", "--memory", "32m", "--name", name]
        let (status, _) = try await cluster.run(
            words + ports.flatMap { ["-p", $0] } + ["busybox", "sh", "-c", Self.server, name])
        #expect(status == 0)
    }

    private func expect(_ cluster: LocalCluster, at port: Int, _ answer: String) async throws {
        let words = ["--silent", "--max-time", "5", "http://127.0.0.1:\(port)/index.html"]
        try await eventually("port \(port) answers '\(answer)'") {
            try await cluster.runTool("/usr/bin/curl", words).text == answer + "\n"
        }
    }

    @Test("a task is reached at the port it was given, no two have the same, and a free one can be had again")
    func published() async throws {
        try await withCluster(inOwnNetwork: true) { cluster in
            try await serve(cluster, "one", ["80"])
            try await serve(cluster, "two", ["31005:80", "31007-31008:90-91/udp"])
            try await expect(cluster, at: 31_000, "one")
            try await expect(cluster, at: 31_005, "two")
            let list = try await cluster.run(["task", "ls"]).text.split(separator: "\n")
            #expect(list.contains { $0.hasPrefix("one.") && $0.hasSuffix(" 31000:80/tcp") }, "\(list)")
            #expect(
                list.contains {
                    $0.hasPrefix("two.") && $0.hasSuffix(" 31005:80/tcp 31007:90/udp 31008:91/udp")
                }, "\(list)")
            #expect(try await cluster.run(["task", "inspect", "one"]).text.contains("\"31000:80/tcp\""))

            #expect(try await cluster.run(["task", "kill", "one", "--grace", "0s"]).status == 0)
            #expect(
                try await cluster.runTool("/usr/bin/curl", ["--silent", "--max-time", "2", "http://127.0.0.1:31000"])
                    .status != 0)
            try await serve(cluster, "three", ["80", "81"])
            try await expect(cluster, at: 31_000, "three")
            for name in ["two", "three"] {
                #expect(try await cluster.run(["task", "kill", name, "--grace", "0s"]).status == 0)
            }
        }
    }
}
