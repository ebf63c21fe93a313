import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import SeccompFormat
import Testing

@Suite("calls that the host answers for a container", .serialized)
struct EmulatedCallTests {
    private func emulating(_ calls: [EmulatedCall] = EmulatedCall.allCases) -> (inout ContainerRequest) -> Void {
        { $0.isolation.emulated = calls }
    }

    @Test("a harmless device is made where a file could be, and works", arguments: HarmlessDevice.all)
    func harmless(_ device: HarmlessDevice) throws {
        let host = try TestHost()
        let outcome = try host.shell(
            """
            cd /tmp && umask 027 && mknod x c \(device.major) \(device.minor) && stat -c '%F %t:%T %a %u:%g' x
            mkdir sub && mknod -m 600 sub/../y c \(device.major) \(device.minor) && chmod 640 y && stat -c '%a' y
            """, emulating())
        let numbers = "\(String(device.major, radix: 16)):\(String(device.minor, radix: 16))"
        #expect(outcome.output == "character special file \(numbers) 640 0:0\n640\n", "\(outcome.error)")
    }

    @Test("what was made reads and writes as the device does")
    func works() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            """
            cd /tmp && mknod n c 1 3 && mknod z c 1 5 && mknod f c 1 7 && mknod u c 1 9
            echo gone > n && wc -c < n && head -c 3 z | od -An -tx1 && head -c 5 u | wc -c
            (echo x > f) 2>&1 | sed 's/.*: //'
            """, emulating([.mknod]))
        #expect(outcome.output == "0\n 00 00 00\n5\nNo space left on device\n", "\(outcome.error)")
    }

    /// Kind, numbers, and what coreutils and busybox call the kernel's answer.
    @Test(
        "every other device is refused as it always is",
        arguments: ["b 8 0", "b 7 0", "c 1 1", "c 1 2", "c 1 4", "c 10 200", "c 10 229", "c 5 1", "c 1 259", "b 1 3"])
    func others(_ device: String) throws {
        let host = try TestHost()
        let script = "mknod /tmp/x \(device) 2>&1 | sed 's/.*: //'; ls /tmp"
        #expect(try host.shell(script, emulating()).output == "Operation not permitted\n")
        #expect(try host.shell(script).output == "Operation not permitted\n")
    }

    @Test("pipes and ordinary files are still the kernel's own")
    func ordinary() throws {
        let host = try TestHost()
        let outcome = try host.shell("mkfifo /tmp/p && stat -c %F /tmp/p", emulating())
        #expect(outcome.output == "fifo\n", "\(outcome.error)")
    }

    @Test("nobody makes a device where they could make no file")
    func permissions() throws {
        let host = try TestHost()
        let user: (inout ContainerRequest) -> Void = {
            $0.isolation.emulated = [.mknod]
            $0.process.uid = 1_000
            $0.process.gid = 1_000
            $0.isolation.capabilities = 0
        }
        let script = """
            mknod /x c 1 3 2>&1 | sed 's/.*: //'; mknod /root/x c 1 3 2>&1 | sed 's/.*: //'
            mknod /tmp/x c 1 3 && stat -c '%u:%g' /tmp/x && mknod /tmp/x c 1 3 2>&1 | sed 's/.*: //'
            mknod /tmp/no/x c 1 3 2>&1 | sed 's/.*: //'; mknod /etc/passwd/x c 1 3 2>&1 | sed 's/.*: //'
            mknod /tmp/y/ c 1 3 2>&1 | sed 's/.*: //'; mknod /tmp/. c 1 3 2>&1 | sed 's/.*: //'
            """
        #expect(
            try host.shell(script, user).output
                == "Permission denied\nPermission denied\n1000:1000\nFile exists\nNo such file or directory\n"
                + "Not a directory\nNo such file or directory\nFile exists\n")
        let sealed = try host.shell("mknod /x c 1 3 2>&1 | sed 's/.*: //'") {
            $0.isolation.emulated = [.mknod]
            $0.isolation.readOnlyRoot = true
        }
        #expect(sealed.output == "Read-only file system\n")
    }

    @Test("links and dots lead nowhere but into the container")
    func paths() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            """
            ln -s /../../.. /tmp/up; mknod /tmp/up/out1 c 1 3 && echo made; ls /out1
            mknod ../../../../out2 c 1 3; ls /out2; chroot / mknod /../out3 c 1 3; ls /out3
            for way in /proc/self/root /proc/1/root /proc/self/cwd /proc/1/cwd /proc/self/fd/0 /proc/thread-self/root
            do mknod $way/out4 c 1 3 2>/dev/null && echo through $way; done; ls /out4 2>/dev/null
            mkdir -p /jail/bin /jail/tmp && cp /bin/busybox /jail/bin/mknod
            chroot /jail /bin/mknod /../../tmp/inside c 1 3; ls /jail/tmp /tmp
            """, emulating())
        #expect(outcome.output == "made\n/out1\n/out2\n/out3\n/jail/tmp:\ninside\n\n/tmp:\nup\n", "\(outcome.error)")
        let mounts = try HostMounts.now()
        for name in ["/out1", "/out2", "/out3", "/out4", "/tmp/inside"] {
            #expect(!HostFacts.exists(name) && !mounts.mentions(" \(name) "))
        }
    }

    @Test("the host keeps an empty file and no device, and no mount of its own")
    func seenFromOutside() throws {
        let host = try TestHost()
        let before = try HostMounts.now()
        let running = try host.detached(["sh", "-c", "mknod /null c 1 3; mkfifo /done; exec sleep 600"], emulating())
        let id = running.record.request.id
        try host.until("the device is there") { try host.exec(id, ["test", "-p", "/done"]).code == 0 }
        let kept = "\(host.places.store)/containers/\(id.text)"
        let found = try host.files(named: "null", below: kept)
        #expect(found == [.regular])
        #expect(try host.exec(id, ["stat", "-c", "%F", "/null"]).output == "character special file\n")
        let after = try HostMounts.now()
        #expect(after == before && !after.mentions(" /null ") && !after.mentions(host.scratch))
    }

    @Test("one container gets so many devices and no more")
    func limited() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            """
            i=0; while [ $i -lt 64 ]; do mknod /tmp/d$i c 1 3 || echo failed $i; i=$((i + 1)); done
            mknod /tmp/d64 c 1 3 2>&1 | sed 's/.*: //'; ls /tmp | wc -l; mkfifo /tmp/p && echo pipe
            """, emulating())
        #expect(outcome.output == "No space left on device\n64\npipe\n", "\(outcome.error)")
    }

    @Test("names that change while they are used never lead out, and the emulator goes on")
    func exchanged() throws {
        let host = try TestHost()
        // The name is gone for a moment at each change: forty times, and then until one has met something.
        let outcome = try host.shell(
            """
            mkdir /tmp/a /tmp/b; ln -s /tmp/a /tmp/l
            (while :; do ln -sfn /tmp/b /tmp/l; ln -sfn /../../../.. /tmp/l; ln -sfn /proc/1/root /tmp/l; done) &
            flip=$!; while [ "$(readlink /tmp/l)" = /tmp/a ]; do usleep 1000; done
            made() { ls /tmp/b / | grep -q raced; }
            i=0; while [ $i -lt 40 ] || { [ $i -lt 2000 ] && ! made; }
            do mknod /tmp/l/bulkhead-raced$i c 1 3 2>/dev/null; i=$((i + 1)); done
            kill $flip; wait $flip 2>/dev/null; mknod /tmp/after c 1 3 && echo alive
            made && echo made
            """, emulating())
        #expect(outcome.output == "alive\nmade\n", "\(outcome.error)")
        let ofHost = try OwnedDescriptor.open("/", [.directory]).entries().map(\.name.description)
        #expect(!ofHost.contains { $0.contains("bulkhead-raced") })
        let mounts = try HostMounts.now()
        #expect(!mounts.mentions("bulkhead-raced") && !mounts.mentions(host.scratch))
    }

    @Test("callers that are killed in their calls leave the emulator at work")
    func killedCallers() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            """
            i=0; while [ $i -lt 30 ]; do (mknod /tmp/k$i c 1 3) & kill -9 $! 2>/dev/null; i=$((i + 1)); done
            wait 2>/dev/null; mknod /tmp/after c 1 3 && stat -c %F /tmp/after
            """, emulating())
        #expect(outcome.output == "character special file\n", "\(outcome.error)")
    }

    @Test("sysinfo tells the container's time and processes, and not the host's load")
    func system() throws {
        let host = try TestHost()
        let outcome = try host.shell("uptime; free -b | sed -n 2p", emulating([.sysinfo]))
        #expect(outcome.output.contains("up 0 min") && outcome.output.contains("load average: 0.00, 0.00, 0.00"))
        let control = try host.shell("uptime", emulating([.mknod]))
        #expect(!control.output.contains("up 0 min"))
    }

    @Test("a process that joins is answered as well")
    func joined() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"], emulating())
        let id = running.record.request.id
        #expect(try host.exec(id, ["sh", "-c", "mknod /tmp/x c 1 3 && uptime"]).output.contains("up 0 min"))
        #expect(try host.exec(id, ["stat", "-c", "%t:%T", "/tmp/x"]).output == "1:3\n")
    }

    @Test("without its emulator a call answers ENOSYS, and the next exec has a new one")
    func emulatorLost() throws {
        let host = try TestHost()
        let running = try host.detached(
            ["sh", "-c", "until test -e /tmp/go; do sleep 0.1; done; mknod /tmp/x c 1 3 2> /tmp/why; sleep 600"],
            emulating())
        let id = running.record.request.id
        let emulator = try #require(try host.containerizer.emulator(of: id))
        let process = try ProcessHandle.open(emulator)
        try process.signal(9)
        #expect(try process.waitForEnd(milliseconds: 120_000))
        #expect(try host.containerizer.emulator(of: id) == nil)
        #expect(try host.exec(id, ["sh", "-c", "mknod /tmp/new c 1 3 && touch /tmp/go && echo yes"]).output == "yes\n")
        try host.until("the first process has tried") { try host.exec(id, ["test", "-s", "/tmp/why"]).code == 0 }
        #expect(try host.exec(id, ["cat", "/tmp/why"]).output.contains("Function not implemented"))
        let second = try #require(try host.containerizer.emulator(of: id))
        #expect(second != emulator)
    }

    @Test("the emulator outlives who started it and ends with its container, reaped")
    func lifetime() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"], emulating())
        let id = running.record.request.id
        let emulator = try #require(try host.containerizer.emulator(of: id))
        // Another command, that has nothing but the files.
        let other = NativeContainerizer(
            places: host.places, launcherPath: TestHost.launcherPath, host: host.containerizer.host)
        #expect(try other.emulator(of: id) == emulator)
        #expect(try host.exec(id, ["mknod", "/tmp/x", "c", "1", "3"], by: other).code == 0)
        try host.containerizer.remove(id, force: true)
        #expect(!HostFacts.exists("/proc/\(emulator)"))
    }

    @Test("a container that asks for nothing has no emulator and no listener")
    func nothing() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"])
        #expect(try host.containerizer.emulator(of: running.record.request.id) == nil)
    }

    @Test("without a filter there is nothing to hand calls over, which is refused")
    func unconfined() throws {
        let host = try TestHost()
        #expect { try host.shell("true") {
            $0.isolation.emulated = [.sysinfo]
            $0.isolation.seccomp = .unconfined
        } } throws: { ($0 as? Failure)?.code == "isolation.cannot-emulate" }
    }
}

extension TestHost {
    /// Waits for a condition that only a container can bring about.
    func until(_ what: String, _ condition: () throws -> Bool) throws {
        let deadline = Deadline(seconds: 120)
        while try !condition() { try deadline.pause(what) }
    }

    /// What the files of that name below a directory are.
    func files(named name: String, below path: String) throws -> [FileStatus.Kind] {
        var found: [FileStatus.Kind] = []
        let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
        for entry in try directory.entries() {
            let kind = try directory.status(of: entry.name).kind
            if entry.name.description == name { found.append(kind) }
            if kind == .directory { found += try files(named: name, below: path + "/" + entry.name.description) }
        }
        return found
    }
}
