import Containers
import Diagnostics
import ImageStorage
import LinuxKernel
import Testing
import Waiting

@Suite("What our own runtime does for agents")
struct NativePodTests {
    private func onStage(_ body: (NativeStage) async throws -> Void) async throws {
        let stage = try NativeStage()
        _ = try await stage.containerizer.recover([])
        do { try await body(stage) } catch {
            try await stage.end()
            throw error
        }
        try await stage.end()
    }

    /// A container that only holds, for others to join.
    private func holder(on stage: NativeStage) async throws -> ContainerLaunch {
        let launch = stage.launch(.hold)
        #expect(try await stage.containerizer.launch(launch) == .launched)
        return launch
    }

    private func member(_ line: String, of root: ContainerLaunch, on stage: NativeStage) -> ContainerLaunch {
        stage.script(line) {
            $0.parent = root.id
            $0.isolation.network = .container(root.id)
        }
    }

    @Test("a container that only holds needs no image, and ends with the signal it is given")
    func hold() async throws {
        try await onStage { stage in
            let root = try await holder(on: stage)
            #expect(try await stage.containerizer.status(root.id)?.state == .running)
            #expect(try await stage.containerizer.kill(root.id, signal: 15))
            let exit = try #require(try await stage.containerizer.wait(root.id))
            #expect(exit.code == 143)
            #expect(exit.signal == 15)
        }
    }

    @Test("an image that a container uses keeps all its names when others are removed")
    func prune() async throws {
        try await onStage { stage in
            for name in ["first", "second"] {
                _ = try stage.store.importImages(
                    ImportRequest(source: .path("\(Surroundings.images)/busybox.tar"), name: name))
            }
            _ = try await stage.started("sleep 100000")
            let before = try stage.store.list()
            #expect(before.count == 1 && before[0].references.count >= 2, "\(before)")
            #expect(try await stage.containerizer.pruneImages(excluding: []) == [])
            #expect(try stage.store.list() == before)
        }
    }

    @Test("members share network, memory and ids with the holder, and nothing else")
    func shared() async throws {
        try await onStage { stage in
            let root = try await holder(on: stage)
            let rootProcess = try #require(try await stage.containerizer.status(root.id)?.process)
            var members: [Int32] = []
            for name in ["one", "two"] {
                var launch = member("echo \(name) > /tmp/mine; sleep 100000", of: root, on: stage)
                launch.isolation.hostname = name
                #expect(try await stage.containerizer.launch(launch) == .launched)
                members.append(try #require(try await stage.containerizer.status(launch.id)?.process))
            }
            for kind in ["user", "net", "ipc"] {
                let wanted = HostFacts.linkTarget("/proc/\(rootProcess)/ns/\(kind)")
                for process in members { #expect(HostFacts.linkTarget("/proc/\(process)/ns/\(kind)") == wanted) }
            }
            for kind in ["mnt", "pid", "uts", "cgroup"] {
                let found = ([rootProcess] + members).map { HostFacts.linkTarget("/proc/\($0)/ns/\(kind)") }
                #expect(Set(found).count == 3, "\(kind)")
            }
        }
    }

    @Test("members reach each other on 127.0.0.1, ports below 1024 too, and outsiders do not")
    func network() async throws {
        try await onStage { stage in
            let root = try await holder(on: stage)
            let server = member("nc -l -p 80 -e echo served", of: root, on: stage)
            #expect(try await stage.containerizer.launch(server) == .launched)
            let script = "until nc 127.0.0.1 80 < /dev/null; do sleep 0.05; done"
            let client = try await stage.outcome(member(script, of: root, on: stage))
            #expect(client.output == "served\n")
            let stranger = try await stage.outcome(stage.script("nc -w 2 127.0.0.1 80 < /dev/null; echo $?"))
            #expect(stranger.output == "1\n")
        }
    }

    @Test("a member is behind the same walls as any container")
    func walls() async throws {
        try await onStage { stage in
            let root = try await holder(on: stage)
            let script = """
                grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t\\n' ' '; echo
                cat /proc/self/uid_map
                mount -t tmpfs none /mnt 2> /dev/null || echo no mount
                test -w /proc/sys/kernel/shmmax || echo no sysctl; echo $$ | grep -q '^[2-9]$' && echo few
                """
            let inside = try await stage.outcome(member(script, of: root, on: stage))
            let alone = try await stage.outcome(stage.script(script))
            func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }
            #expect(lines(inside.output).first == lines(alone.output).first)
            #expect(lines(inside.output).dropFirst(2) == lines(alone.output).dropFirst(2))
            #expect(inside.output.contains("no mount"))
        }
    }

    @Test("destroying the holder takes its members along, and a restart adopts all of them")
    func recovered() async throws {
        try await onStage { stage in
            let root = try await holder(on: stage)
            let one = member("sleep 100000", of: root, on: stage)
            #expect(try await stage.containerizer.launch(one) == .launched)
            try await stage.restart()
            let recovery = try await stage.containerizer.recover([root, one])
            #expect(recovery.adopted == [root.id, one.id])
            let two = member("exit 4", of: root, on: stage)
            #expect(try await stage.containerizer.launch(two) == .launched)
            #expect(try await stage.containerizer.wait(two.id)?.code == 4)
            _ = try await stage.containerizer.destroy(root.id)
            #expect(try await stage.containerizer.containers().isEmpty)
        }
    }

    @Test("a socket inside a container waits there before its task runs, and after a restart of the agent")
    func endpoint() async throws {
        try await onStage { stage in
            var launch = stage.script("nc 127.0.0.1 5051 < /dev/null; sleep 100000")
            launch.endpointPort = 5_051
            launch.output = OutputFile(path: "\(stage.directory)/said")
            #expect(try await stage.containerizer.launch(launch) == .launched)
            try await answer("welcome\n", launch, on: stage)
            try await eventually("the answer") { try stage.text(launch.output) == "welcome\n" }
            try await stage.restart()
            _ = try await stage.containerizer.recover([launch])
            let again = OwnedDescriptor(owning: try await stage.containerizer.listen(launch.id, port: 5_051))
            let inner = try await stage.containerizer.connect(
                launch.id, address: "127.0.0.1", port: 5_051, seconds: 120)
            let client = OwnedDescriptor(owning: inner)
            _ = try await again.awaitReadiness()
            try again.accept().write("back\n")
            _ = try await client.awaitReadiness()
            #expect(String(decoding: try client.readAll(limit: 64), as: UTF8.self) == "back\n")
            let nobody = await #expect(throws: Failure.self) {
                try await stage.containerizer.connect(launch.id, address: "127.0.0.1", port: 99, seconds: 5)
            }
            #expect(nobody?.code == "container.cannot-connect")
        }
    }

    /// Answers the first connection at the container's endpoint, and lets go of both.
    private func answer(_ text: String, _ launch: ContainerLaunch, on stage: NativeStage) async throws {
        let listener = OwnedDescriptor(owning: try await stage.containerizer.listen(launch.id, port: 5_051))
        _ = try await listener.awaitReadiness()
        try listener.accept().write(text)
    }

    @Test("a task without an image runs on the host's tools and sees nothing else of the host")
    func hostTools() async throws {
        try await onStage { stage in
            let script = """
                ls / | tr '\\n' ' '; echo; test -x /usr/bin/env && echo tools; touch /usr/x 2> /dev/null || echo sealed
                cat /etc/passwd | head -n 1; test -e /etc/shadow || echo no shadow; touch /tmp/mine && echo room
                ls /root /home | tr '\\n' ' '; echo; awk 'BEGIN { print "awk" }'
                """
            let outcome = try await stage.outcome(stage.script(script) { $0.root = .hostTools })
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.count == 8, "\(outcome)")
            #expect(lines.first?.contains("work ") == false)
            #expect(
                lines.dropFirst() == [
                    "tools", "sealed", "root:x:0:0:root:/root:/bin/sh", "no shadow", "room", "/home:  /root: ", "awk",
                ])
        }
    }

    @Test("a gigabyte of output takes no more disk than it may, and its end is there")
    func longOutput() async throws {
        try await onStage { stage in
            let limit: UInt64 = 4 << 20
            let path = "\(stage.directory)/long"
            let launch = stage.script("dd if=/dev/zero bs=1M count=1024 2> /dev/null | tr '\\0' x; echo; echo done") {
                $0.output = OutputFile(path: path, bytesMax: limit)
            }
            #expect(try await stage.containerizer.launch(launch) == .launched)
            let file = try await openWhenThere(path)
            var most: Int64 = 0
            while try await stage.containerizer.status(launch.id)?.state == .running {
                most = max(most, try file.status().blocks * 512)
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(try await stage.containerizer.wait(launch.id)?.code == 0)
            let status = try file.status()
            #expect(status.size == (1 << 30) + 6)
            // A block more at either end, and what the file system takes ahead of the writer.
            #expect(most <= Int64(limit) * 3 / 2, "\(most)")
            #expect(status.blocks * 512 <= Int64(limit) + 65_536)
            let last = try file.readBytes(16, at: status.size - 16)
            #expect(String(decoding: last, as: UTF8.self) == "xxxxxxxxxx\ndone\n")
            #expect(try file.nextData(from: 0) ?? 0 > status.size - Int64(limit) - 65_536)
        }
    }

    private func openWhenThere(_ path: String) async throws -> OwnedDescriptor {
        try await eventually("the output file") { HostFacts.exists(path) }
        return try OwnedDescriptor.open(RawPath(path))
    }
}
