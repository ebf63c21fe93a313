import Testing

@Suite("Tasks at a terminal", .serialized, .timeLimit(.minutes(2)))
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
}
