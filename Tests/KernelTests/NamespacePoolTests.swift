import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

/// Namespaces that were made before there was a container: nobody sees a difference, and nothing of one is another's.
@Suite("Namespaces made ahead", .serialized)
struct NamespacePoolTests {
    /// Names of the leases of host ids there are.
    private func leases(_ host: TestHost) throws -> Set<String> {
        Set(
            try OwnedDescriptor.open(RawPath(host.places.volatile + "/ids"), [.directory]).entries()
                .map(\.name.description))
    }

    private func slot(_ running: RunningContainer) -> String {
        String((running.record.request.isolation.identities.base - 0x1000_0000) / 65_536)
    }

    /// A container that sleeps, and whether the ids it has were leased before it was launched.
    private func sleeper(
        _ host: TestHost, _ change: (inout ContainerRequest) -> Void = { _ in }
    ) throws -> (running: RunningContainer, wasAhead: Bool) {
        host.containerizer.namespaces?.awaitFull()
        let before = HostFacts.exists(host.places.volatile + "/ids") ? try leases(host) : []
        let running = try host.detached(["sleep", "600"], change)
        return (running, before.contains(slot(running)))
    }

    /// Everything a network and a user namespace decide, as it is seen from inside.
    private static let view = """
        for map in uid gid projid; do awk '{print $1, $3}' /proc/self/${map}_map; done
        id; cat /proc/self/cgroup; grep -c . /proc/self/mounts; grep ' /sys' /proc/self/mounts | sort; ls /sys/class/net
        cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_unprivileged_port_start
        grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:|NSpid)' /proc/self/status
        ip addr; ip route; cat /proc/net/dev | wc -l; ulimit -a
        # Not those of the connection tracking, which the kernel loads when another test's network needs it first.
        find /proc/sys/net /proc/sys/kernel -type f | grep -v -e /netfilter/ -e /nf_ | sort
        # Not the time, which is that of the look.
        ls -ln /proc/sys/net/ipv4 /proc/sys/net/core | awk '{ print $1, $3, $4, $NF }'
        nc -l -p 80 -e echo served & n=0
        while [ $n -lt 6000 ] && kill -0 $! 2>/dev/null; do
            nc 127.0.0.1 80 </dev/null && break; n=$((n + 1)); usleep 10000
        done
        [ $n -lt 6000 ] || kill $!; wait
        ping -c 1 -W 60 127.0.0.1 | grep -c 'from 127.0.0.1'
        echo 0 2>&1 > /proc/sys/net/ipv4/ip_unprivileged_port_start; mount -t sysfs none /tmp 2>&1
        """

    @Test("from inside all is as in a container that made its own", arguments: [UInt32(0), 1_000])
    func inside(_ user: UInt32) throws {
        let (plain, pooled) = (try TestHost(namespacePool: 0), try TestHost(namespacePool: 1))
        let seen = try [plain, pooled].map { host in
            let (running, wasAhead) = try sleeper(host) {
                ($0.process.uid, $0.process.gid) = (user, user)
                $0.name = "same"
                $0.isolation.hostname = "same"
            }
            #expect(wasAhead == (host === pooled))
            let outcome = try host.exec(running.record.request.id, ["sh", "-c", Self.view]) {
                ($0.uid, $0.gid) = (user, user)
            }
            let started = try host.run(["/bin/sh", "-c", Self.view]) {
                ($0.process.uid, $0.process.gid) = (user, user)
                $0.isolation.hostname = "same"
            }
            // A mount's owner is told by the host's number of it.
            return (outcome.output + started.output).split(separator: "\n").filter { !$0.contains("tmpfs ro,") }
                .map(String.init)
        }
        #expect(seen[0].count == seen[1].count)
        for (plain, pooled) in zip(seen[0], seen[1]) { #expect(plain == pooled) }
        #expect(seen[0].prefix(3) == ["0 65536", "0 65536", "0 65536"])
        // A port below 1,024 is for whoever has the capability in the owner of the network.
        #expect(seen[0].contains("served") == (user == 0))
        #expect(seen[0].contains { $0.contains(" /sys sysfs ro,") }, "\(seen[0])")
    }

    @Test("from outside every namespace belongs to the container's user namespace, and that to the container's user")
    func owner() throws {
        for size in [0, 1] {
            let host = try TestHost(namespacePool: size)
            let (running, wasAhead) = try sleeper(host)
            #expect(wasAhead == (size == 1))
            let base = running.record.request.isolation.identities.base
            for process in [running.initProcess, try running.task()] {
                #expect(try NamespaceFacts.owner(ofUserNamespaceOf: process.id) == base)
                let user = try #require(try process.namespaces()["user"])
                for kind in ObservedProcess.namespaceKinds where kind != "user" {
                    let owner = try NamespaceFacts.userNamespace(owning: kind, of: process.id)
                    #expect(user == "user:[\(owner)]", "\(kind), \(size) made ahead")
                }
                for map in ["uid_map", "gid_map", "projid_map"] {
                    let words = try process.file(map).split(whereSeparator: \.isWhitespace).map(String.init)
                    #expect(words == ["0", "\(base)", "65536"], "\(map)")
                }
            }
        }
    }

    @Test("each is taken once: no container has what another has or had, and the host's are nobody's")
    func once() throws {
        let host = try TestHost(namespacePool: 2)
        var (all, ranges): ([String], Set<UInt32>) = (Array(try ObservedProcess.host.namespaces().values), [])
        for number in 0..<6 {
            // The last ones find the pool empty or not, as it comes.
            let running = number < 4 ? try sleeper(host).running : try host.detached(["sleep", "600"])
            all += try running.initProcess.namespaces().values
            ranges.insert(running.record.request.isolation.identities.base)
        }
        #expect(Set(all).count == 7 * ObservedProcess.namespaceKinds.count)
        #expect(ranges.count == 6)
    }

    @Test("a container that shares a network takes none, and one may share that of one that took some")
    func shared() throws {
        let host = try TestHost(namespacePool: 1)
        let (holder, wasAhead) = try sleeper(host)
        #expect(wasAhead)
        let member = try sleeper(host) { $0.isolation.network = .container(holder.record.request.id) }.running
        #expect(slot(member) == slot(holder))
        #expect(try member.initProcess.namespaces()["net"] == holder.initProcess.namespaces()["net"])
        let hosts = try sleeper(host) { $0.isolation.network = .host }
        #expect(!hosts.wasAhead)
        #expect(try hosts.running.initProcess.namespaces()["net"] == ObservedProcess.host.namespaces()["net"])
    }

    @Test("launches that find the pool empty make their own")
    func empty() throws {
        let host = try TestHost(namespacePool: 2)
        host.containerizer.namespaces?.awaitFull()
        let outcomes = Monitor<[String]>([])
        let threads = try (0..<12).map { _ in
            try WorkerThread {
                do {
                    let said = try host.shell("cat /proc/self/uid_map; readlink /proc/self/ns/net")
                    outcomes.withLock { $0.append(said.output) }
                } catch { outcomes.withLock { $0.append("\(error)") } }
            }
        }
        for thread in threads { thread.join() }
        let said = outcomes.withLock { $0 }
        #expect(said.count == 12 && said.allSatisfy { $0.contains("65536\nnet:[") }, "\(said)")
        #expect(try Traces(of: host).lines.isEmpty)
    }

    @Test("given back, it leaves no lease and no mark, and launches go on without it")
    func end() throws {
        let host = try TestHost(namespacePool: 3)
        let pool = try #require(host.containerizer.namespaces)
        #expect(try host.shell("true").exit.code == 0)
        #expect(pool.awaitFull() == 3)
        #expect(try leases(host).count == 3)
        try pool.end()
        try pool.end()
        #expect(pool.awaitFull() == 0)
        #expect(try Traces(of: host).lines.isEmpty)
        #expect(try host.shell("echo cold").output == "cold\n")
        #expect(try Traces(of: host).lines.isEmpty)
    }

    @Test("what a pool holds is not swept away while its process lives, nor given to another")
    func swept() throws {
        let host = try TestHost(namespacePool: 2)
        let other = NativeContainerizer(
            places: host.places, launcherPath: TestHost.launcherPath, host: host.containerizer.host)
        #expect(host.containerizer.namespaces?.awaitFull() == 2)
        let held = try leases(host)
        // Somebody else's launch that was cut off: everything is gone through.
        try OwnedDescriptor.open(
            RawPath(host.places.volatile + "/pending/0123456789abcdef"), [.writeOnly, .create], mode: 0o600
        ).write("")
        #expect(try other.sweep())
        #expect(try leases(host) == held)
        let (running, wasAhead) = try sleeper(host)
        #expect(wasAhead && held.contains(slot(running)))
    }

    @Test("what is not the pool's any more is not taken")
    func lost() throws {
        let host = try TestHost(namespacePool: 1)
        #expect(host.containerizer.namespaces?.awaitFull() == 1)
        let slot = try #require(try leases(host).first)
        let path = RawPath(host.places.volatile + "/ids/" + slot)
        try OwnedDescriptor.open(path, [.writeOnly, .truncate]).write("another")
        let running = try host.detached(["sleep", "600"])
        #expect(self.slot(running) != slot)
        #expect(String(decoding: try OwnedDescriptor.open(path).readAll(limit: 64), as: UTF8.self) == "another")
    }

    @Test("where none can be made, launches say why as they do without")
    func impossible() throws {
        let host = try TestHost(namespacePool: 1)
        // No lease can be written where the directory is a file.
        try host.containerizer.records.prepare()
        try TreeRemoval.remove(host.places.volatile + "/ids")
        try OwnedDescriptor.open(RawPath(host.places.volatile + "/ids"), [.writeOnly, .create], mode: 0o600).write("")
        #expect(host.containerizer.namespaces?.awaitFull() == 0)
        #expect(throws: Failure.self) { _ = try host.shell("true") }
        #expect(host.containerizer.namespaces?.awaitFull() == 0)
    }
}
