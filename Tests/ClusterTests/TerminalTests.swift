import Testing

@Suite("Tasks at a terminal", .serialized, .endsWhenStuck)
struct TerminalTests {
    @Test("a person types to a task, changes the size of the window, leaves it, comes back, and gets its exit status")
    func terminal() async throws {
        try await withCluster { cluster in
            try await ThirdPartyTests.tell(
                "/usr/bin/python3",
                [
                    Built.root + "/Tests/ClusterTests/Clients/terminal/story.py",
                    Built.program("bulkhead-cluster", "BULKHEAD_CLUSTER"), "http://127.0.0.1:\(cluster.masterPort)",
                ])
        }
    }

    @Test("several instances share one command line: their lines carry their numbers, the first failure is its status")
    func instances() async throws {
        try await withCluster { cluster in
            let line = "echo part $BULKHEAD_INSTANCE; printf rest; test $BULKHEAD_INSTANCE != 2 || exit 6"
            let (status, text) = try await cluster.run(
                ["task", "run", "--cpus", "0.1", "--memory", "32m", "--instances", "3", "busybox", "sh", "-c", line])
            #expect(status == 6)
            #expect(
                text.split(separator: "\n").sorted() == [
                    "[1] part 1", "[1] rest", "[2] part 2", "[2] rest", "[3] part 3", "[3] rest",
                ])
        }
    }

    @Test("whoever waits for a task that was left behind hears its true end at once, whatever its health did before")
    func leftBehind() async throws {
        try await withCluster { cluster in
            let line = "until [ -e /dev/shm/go ]; do usleep 50000; done; exit 6"
            let (status, text) = try await cluster.run([
                "task", "run", "-d", "--cpus", "0.1", "--memory", "32m", "--name", "left", "--health-cmd", "true",
                "--health-interval", "200ms", "busybox", "sh", "-c", line,
            ])
            #expect(status == 0 && text.hasPrefix("left."))
            // The command has ended; the master hears of its connection's end by itself.
            try await eventually("the framework is known to be away") {
                try await cluster.run(["framework", "ls"]).text.contains("away, detached")
            }
            let listed = try await cluster.run(["task", "ls"])
            #expect(listed.text.contains(", detached"), "\(listed.text)")
            #expect(try await cluster.run(["task", "exec", "left", "touch", "/dev/shm/go"]).status == 0)
            let ended = try await cluster.run(["task", "wait", "left"])
            #expect(ended.status == 6 && ended.text == "6\n", "status \(ended.status): \(ended.text)")
            let left = try await cluster.run(["framework", "ls"])
            #expect(!left.text.contains("bulkhead task run left"))
        }
    }

    @Test("a machine that is taken down for maintenance has no agent, and has one again when it is up")
    func maintenance() async throws {
        try await withCluster { cluster in
            let first = try #require(try await cluster.client().agents().agents.first?.info.id)
            for words in [["schedule", "--for", "1h", "127.0.0.1"], ["start", "127.0.0.1"]] {
                let (status, text) = try await cluster.run(["maintenance"] + words)
                #expect(status == 0, "\(words): \(text)")
            }
            try await eventually("no agent is active") {
                try await cluster.client().agents().agents.allSatisfy { !$0.isActive }
            }
            #expect(try await cluster.run(["maintenance", "stop", "127.0.0.1"]).status == 0)
            try await eventually("an agent is active again") {
                try await cluster.client().agents().agents.contains { $0.isActive }
            }
            let (status, text) = try await cluster.run(["task", "run", "--cpus", "0.1", "busybox", "echo", "up"])
            #expect(status == 0 && text == "up\n")
            // One that an operator gives up comes back as another.
            let second = try #require(try await cluster.client().agents().agents.first { $0.isActive }?.info.id)
            #expect(try await cluster.run(["agent", "gone", second.text]).status == 0)
            try await eventually("a new agent has registered") {
                let agents = try await cluster.client().agents().agents
                return agents.contains { $0.isActive && $0.info.id != second && $0.info.id != first }
            }
        }
    }
}
