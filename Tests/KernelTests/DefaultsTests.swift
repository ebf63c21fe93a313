import Containers
import Diagnostics
import Glibc
import LinuxKernel
import Testing

/// Docs/SECURITY.md's table of defaults, seen from inside and from outside. Cgroup limits have suites of their own.
@Suite("A container's defaults", .serialized)
struct DefaultsTests {
    @Test("every namespace is the container's own, time and cgroup included")
    func namespaces() throws {
        let host = try TestHost()
        let first = try host.detached(["sleep", "600"])
        let second = try host.detached(["sleep", "600"])
        let ours = try ObservedProcess.host.namespaces()
        let firsts = try first.task().namespaces()
        let seconds = try second.task().namespaces()
        for kind in ObservedProcess.namespaceKinds {
            #expect(Set([ours[kind], firsts[kind], seconds[kind]]).count == 3, "\(kind)")
        }
        #expect(try first.initProcess.namespaces() == firsts)
        let inside = try host.exec(
            first.record.request.id, ["sh", "-c", "for n in /proc/self/ns/*; do readlink $n; done"])
        #expect(Set(inside.output.split(separator: "\n").map(String.init)).isSuperset(of: Set(firsts.values)))
    }

    @Test("root inside is nobody outside, and two containers share no id")
    func identities() throws {
        let host = try TestHost()
        let containers = [try host.detached(["sleep", "600"]), try host.detached(["sleep", "600"])]
        var ranges: [Range<UInt32>] = []
        for container in containers {
            for map in ["uid_map", "gid_map"] {
                let numbers = try container.task().file(map).split(whereSeparator: \.isWhitespace).compactMap {
                    UInt32($0)
                }
                #expect(numbers.count == 3 && numbers[0] == 0 && numbers[2] == 65_536)
                #expect(numbers[1] >= 100_000, "the host's own users are below")
                if map == "uid_map" { ranges.append(numbers[1]..<numbers[1] + numbers[2]) }
            }
            let real = try container.task().status("Uid").split(separator: " ").first.flatMap { UInt32($0) }
            #expect(real == ranges.last?.lowerBound)
        }
        #expect(!ranges[0].overlaps(ranges[1]))
        #expect(try host.shell("id -u; cat /proc/self/uid_map").output.hasPrefix("0\n"))
    }

    @Test("root has ten capabilities and no more, another user none; nothing is inheritable or ambient")
    func capabilities() throws {
        let ten = CapabilitySet.rootDefault
        #expect(
            ten.names.map { $0.dropFirst(4) } == [
                "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
                "SYS_CHROOT",
            ])
        let host = try TestHost()
        for (user, held) in [(UInt32(0), ten.rawValue), (1_000, 0)] {
            let running = try host.detached(["sleep", "600"]) {
                $0.process.uid = user
                $0.process.gid = user
            }
            let joined = try host.exec(running.record.request.id, ["grep", "^Cap", "/proc/self/status"]) {
                $0.uid = user
            }
            let task = try running.task()
            for (field, value) in [
                ("CapInh", 0), ("CapAmb", 0), ("CapPrm", held), ("CapEff", held), ("CapBnd", ten.rawValue),
            ] {
                #expect(try UInt64(task.status(field), radix: 16) == value, "\(field) of user \(user)")
                let line = joined.output.split(separator: "\n").first { $0.hasPrefix(field) }
                #expect(line.flatMap { UInt64($0.dropFirst(8), radix: 16) } == value, "\(field) of an exec as \(user)")
            }
        }
    }

    @Test("init can do nothing but send signals")
    func initCapabilities() throws {
        let host = try TestHost()
        let process = try host.detached(["sleep", "600"]).initProcess
        let kill = CapabilitySet([.kill]).rawValue
        for (field, value) in [("CapInh", 0), ("CapAmb", 0), ("CapPrm", kill), ("CapEff", kill)] {
            #expect(try UInt64(process.status(field), radix: 16) == value, "\(field)")
        }
    }

    @Test("no_new_privs and a filter hold for the task, for init and for what joins later")
    func filters() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        for process in [try running.task(), running.initProcess] {
            #expect(try process.status("NoNewPrivs") == "1")
            #expect(try process.status("Seccomp") == "2")
            #expect(try process.status("Seccomp_filters") == "1")
        }
        let joined = try host.exec(
            running.record.request.id, ["grep", "-E", "^(NoNewPrivs|Seccomp|Groups):", "/proc/self/status"])
        #expect(joined.output == "Groups:\t \nNoNewPrivs:\t1\nSeccomp:\t2\n")
    }

    @Test("the monitor of a joined process has a filter and nothing but its streams")
    func monitor() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let output = try OwnedDescriptor.pipe()
        let joined = try host.containerizer.exec(
            running.record.request.id, ProcessRequest(arguments: ["sleep", "600"], environment: ["PATH=/bin"]),
            attachment: .init(streams: [1: output.write, 2: output.write]))
        let monitor = ObservedProcess(id: joined.monitor.id)
        #expect(try monitor.status("Seccomp") == "2")
        #expect(try monitor.status("NoNewPrivs") == "1")
        for descriptor in try monitor.descriptors() {
            let target = HostFacts.linkTarget("/proc/\(monitor.id)/fd/\(descriptor)") ?? ""
            #expect(
                target.hasPrefix("pipe:") || target.hasPrefix("anon_inode:[signalfd]") || target == "/dev/null",
                "\(descriptor) is \(target)")
        }
        try host.containerizer.kill(running.record.request.id, signal: 9)
        #expect(try joined.wait() == 137)
    }

    @Test("the resource limits are finite, and no core is dumped")
    func limits() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        let joined = try host.exec(running.record.request.id, ["cat", "/proc/self/limits"])
        for (name, value) in [
            ("Max open files", ["1024", "65536"]), ("Max core file size", ["0", "0"]),
            ("Max locked memory", ["65536", "65536"]), ("Max nice priority", ["0", "0"]),
            ("Max realtime priority", ["0", "0"]), ("Max msgqueue size", ["819200", "819200"]),
        ] {
            let found = try running.task().limit(name)
            #expect(found.first == value.first, "\(name)")
            #expect((found.last.flatMap { Int($0) } ?? .max) <= (value.last.flatMap { Int($0) } ?? 0), "\(name)")
            #expect(joined.output.contains(name), "\(name)")
        }
        #expect(try running.task().limit("Max processes").first != "unlimited")
    }

    @Test("the task's session keyring is new and empty")
    func keyring() throws {
        let host = try TestHost()
        let keys = try host.shell("cat /proc/keys") { $0.isolation.maskedPaths.removeAll { $0 == "/proc/keys" } }
        let lines = keys.output.split(separator: "\n").filter { $0.contains(" 0     0 ") }
        #expect(!lines.isEmpty && lines.allSatisfy { $0.hasSuffix(" keyring   _ses: empty") }, "\(keys.output)")
        #expect(try host.shell("cat /proc/keys").output.isEmpty)
    }

    @Test("the network is a loopback interface that is up, and nothing else")
    func network() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            "ls /sys/class/net; ip -o link; ip route; ping -c 1 -W 2 127.0.0.1 | grep -c 'bytes from'")
        #expect(outcome.output.hasPrefix("lo\n1: lo: <LOOPBACK,UP,LOWER_UP>"))
        #expect(outcome.output.split(separator: "\n").count >= 2)
        #expect(!outcome.output.contains("2: "))
        #expect(!outcome.output.contains("default via"))
    }

    @Test("host name and /etc/hosts, hostname and resolv.conf are the container's")
    func names() throws {
        let host = try TestHost()
        let outcome = try host.shell("hostname; cat /etc/hostname /etc/hosts /etc/resolv.conf; ls -ln /etc/hosts") {
            $0.isolation.hostname = "walled"
            $0.isolation.nameServers = ["192.0.2.53"]
            $0.isolation.extraHosts = ["192.0.2.7 seven"]
        }
        #expect(outcome.output.hasPrefix("walled\nwalled\n127.0.0.1\tlocalhost\n"))
        #expect(outcome.output.contains("127.0.1.1\twalled\n192.0.2.7\tseven\nnameserver 192.0.2.53\n"))
        #expect(outcome.output.contains(" 0        0 "))
        #expect(try host.shell("echo 1.2.3.4 x >> /etc/hosts && tail -n 1 /etc/hosts").output == "1.2.3.4 x\n")
    }

    @Test("standard input is empty, and 0, 1 and 2 are all there is, whatever this process has open")
    func descriptors() throws {
        let host = try TestHost()
        let leaks = try (0..<50).map { _ in try Leak(of: "/") }
        let running = try host.detached(["sleep", "600"])
        #expect(try running.task().descriptors() == ["0", "1", "2"])
        let allowed = ["pipe:", "anon_inode:[signalfd]", "/dev/null", host.places.volatile, host.places.store]
        for descriptor in try running.initProcess.descriptors() {
            let target = HostFacts.linkTarget("/proc/\(running.process.id)/fd/\(descriptor)") ?? ""
            #expect(allowed.contains { target.hasPrefix($0) } && target != "/", "\(descriptor) is \(target)")
        }
        // The listing itself has a fourth one open.
        let inside = try host.exec(running.record.request.id, ["sh", "-c", "ls /proc/self/fd | wc -l; cat; echo end"])
        #expect(inside.output == "4\nend\n")
        withExtendedLifetime(leaks) {}
    }

    @Test("the task has no environment but its own, and runs where it was told to")
    func environment() throws {
        let host = try TestHost()
        let outcome = try host.run(["env"]) { $0.process.environment = ["PATH=/bin", "ONLY=this"] }
        #expect(Set(outcome.output.split(separator: "\n")) == ["PATH=/bin", "ONLY=this"])
        let running = try host.detached(["sleep", "600"]) { $0.process.workingDirectory = "/made/by/us" }
        #expect(try running.initProcess.file("environ").isEmpty)
        #expect(try running.initProcess.file("cmdline").hasPrefix("bulkhead-launch"))
        #expect(try host.exec(running.record.request.id, ["pwd"]).output == "/\n")
        #expect(HostFacts.linkTarget("/proc/\(try running.task().id)/cwd")?.hasSuffix("/made/by/us") == true)
    }
}

/// A descriptor that a program exec'ed from here would inherit, as a careless library leaves them.
final class Leak {
    private let number: Int32
    init(of path: String) throws {
        number = open(path, O_RDONLY | O_DIRECTORY)
        try #require(number >= 0 && fcntl(number, F_GETFD) & FD_CLOEXEC == 0)
    }
    deinit { close(number) }
}
