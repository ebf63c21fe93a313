import Containers
import Containerizing
import Diagnostics
import Testing

@testable import bulkhead

@Suite("Flags")
struct FlagTests {
    @Test("a volume is source, target and options; relative sources are ours")
    func volumes() throws {
        func volume(_ text: String) throws -> VolumeRequest { try VolumeFlag.parse(text, directory: "/here") }
        #expect(try volume("/a:/b") == VolumeRequest(source: "/a", target: "/b"))
        #expect(try volume("./a:/b").source == "/here/./a")
        #expect(try volume("a:/b:ro") == VolumeRequest(source: "/here/a", target: "/b", readOnly: true))
        #expect(
            try volume("/a:/b:ro,noexec,unmapped")
                == VolumeRequest(source: "/a", target: "/b", readOnly: true, noExecute: true, mapped: false))
        for text in ["", "/a", ":/b", "/a:/b:bad", "/a:/b:ro:rw", "/a:/b:z"] {
            #expect(
                refusal { () throws(Failure) in try VolumeFlag.parse(text, directory: "/") }?.field == "volume",
                "\(text)")
        }
    }

    @Test("--mount takes the same as fields")
    func mounts() throws {
        #expect(
            try MountFlag.parse("type=bind,src=a,dst=/b,ro", directory: "/here")
                == .volume(VolumeRequest(source: "/here/a", target: "/b", readOnly: true)))
        #expect(
            try MountFlag.parse(
                "type=bind,source=/a,destination=/b,readonly=false,bind-propagation=rprivate", directory: "/")
                == .volume(VolumeRequest(source: "/a", target: "/b")))
        #expect(
            try MountFlag.parse("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700", directory: "/")
                == .temporary(TemporaryFilesystem(target: "/t", bytesMax: 1 << 20, mode: 0o700)))
        for text in [
            "", "target=/b", "type=volume,source=a,target=/b", "type=bind,target=/b", "type=bind,source=/a",
            "type=bind,source=/a,target=/b,colour=red", "type=bind,source=/a,target=/b,ro=perhaps",
            "type=tmpfs,source=/a,target=/b", "type=bind,source=/a,target=/b,tmpfs-size=1m",
            "type=bind,source=/a,target=/b,target=/c", "type=bind,source=/a,target=/b,bind-propagation=shared",
            "type=tmpfs,target=/b,tmpfs-mode=999",
        ] {
            #expect(
                refusal { () throws(Failure) in try MountFlag.parse(text, directory: "/") }?.field == "mount", "\(text)"
            )
        }
    }

    @Test("--tmpfs has a size, a mode and little more")
    func temporary() throws {
        #expect(try TmpfsFlag.parse("/t") == TemporaryFilesystem(target: "/t"))
        #expect(
            try TmpfsFlag.parse("/t:size=64m,mode=0755,exec,ro")
                == TemporaryFilesystem(target: "/t", bytesMax: 64 << 20, mode: 0o755, readOnly: true, execute: true))
        for text in ["/t:uid=0", "/t:suid", "/t:size", "/t:mode=rwx"] {
            #expect(refusal { () throws(Failure) in try TmpfsFlag.parse(text) }?.field == "tmpfs", "\(text)")
        }
    }

    @Test("two mounts cannot have one target")
    func targets() {
        #expect(refusal { () throws(Failure) in try StorageOptions.refuseTwice(["/a", "/b/"]) } == nil)
        #expect(
            refusal { () throws(Failure) in try StorageOptions.refuseTwice(["/a/b", "/a//b/"]) }?.field == "volume")
        #expect(refusal { () throws(Failure) in try StorageOptions.refuseTwice(["/a", "/a/."]) }?.field == "volume")
    }

    @Test("resource limits have a soft and a hard value")
    func ulimits() throws {
        #expect(try UlimitFlag.parse("nofile=1024:4096") == NamedLimit(name: "nofile", soft: 1_024, hard: 4_096))
        #expect(try UlimitFlag.parse("NPROC=10") == NamedLimit(name: "nproc", soft: 10, hard: 10))
        #expect(try UlimitFlag.parse("core=0:-1") == NamedLimit(name: "core", soft: 0, hard: nil))
        #expect(try UlimitFlag.parse("core=unlimited") == NamedLimit(name: "core", soft: nil, hard: nil))
        for text in ["nofile", "nofile=", "=1", "nofile=2:1", "nofile=-1:5", "nofile=1:2:3", "nofile=1k"] {
            #expect(refusal { () throws(Failure) in try UlimitFlag.parse(text) }?.field == "ulimit", "\(text)")
        }
    }

    @Test(
        "signals go by number and name",
        arguments: [
            ("15", 15), ("TERM", 15), ("SIGTERM", 15), ("sigusr1", 10), ("HUP", 1), ("RTMIN", 34), ("RTMIN+3", 37),
            ("SIGRTMAX-1", 63), ("64", 64), ("SYS", 31), ("SIGIOT", 6), ("CLD", 17), ("SIGPOLL", 29),
        ] as [(String, Int32)])
    func signals(_ text: String, _ number: Int32) throws {
        #expect(try SignalFlag.parse(text, flag: "signal") == number)
    }

    @Test("there are no other signals", arguments: ["", "0", "65", "-1", "SIG", "TERMINATE", "RTMIN+31", "RTMAX-31"])
    func noSignals(_ text: String) {
        #expect(refusal { () throws(Failure) in try SignalFlag.parse(text, flag: "signal") }?.code == "flag.invalid")
    }

    @Test("addresses are addresses")
    func addresses() throws {
        #expect(try AddressFlag.hostLine("db:10.0.0.5") == "10.0.0.5 db")
        #expect(try AddressFlag.hostLine("db=10.0.0.5") == "10.0.0.5 db")
        #expect(try AddressFlag.hostLine("db:[fe80::1]") == "fe80::1 db")
        #expect(try AddressFlag.hostLine("db:::1") == "::1 db")
        for text in [
            "db", "db:", ":1.2.3.4", "db:1.2.3", "db:1.2.3.256", "db:host-gateway", "d b:1.1.1.1", "db:1.1.1.1\n2",
        ] {
            #expect(refusal { () throws(Failure) in try AddressFlag.hostLine(text) }?.field == "add-host", "\(text)")
        }
        #expect(refusal { () throws(Failure) in try AddressFlag.nameServer("dns.example") }?.field == "dns")
        #expect(
            NameServers.parse("# x\nnameserver 1.1.1.1\nsearch a\nnameserver ::1\nnameserver bad\n") == [
                "1.1.1.1", "::1",
            ])
    }

    @Test("a security option changes one wall")
    func securityOptions() throws {
        #expect(try SecurityOption.parse("seccomp=unconfined") == .seccompUnconfined)
        #expect(try SecurityOption.parse("seccomp:strict") == .seccompStrict)
        #expect(try SecurityOption.parse("seccomp=./a=b.json") == .seccompProfile(path: "./a=b.json"))
        #expect(try SecurityOption.parse("no-new-privileges") == .noNewPrivileges(true))
        #expect(try SecurityOption.parse("no-new-privileges:false") == .noNewPrivileges(false))
        #expect(try SecurityOption.parse("proc=subset") == .processesOnly)
        #expect(try SecurityOption.parse("apparmor=mine") == .appArmor(.named("mine")))
        #expect(try SecurityOption.parse("apparmor=unconfined") == .appArmor(.unconfined))
        for text in [
            "", "seccomp", "seccomp=", "apparmor=", "apparmor=a b", "label=type:x", "no-new-privileges=maybe",
            "proc=all",
        ] {
            #expect(
                refusal { () throws(Failure) in try SecurityOption.parse(text) }?.field == "security-opt", "\(text)")
        }
    }

    @Test("devices say what they are in the container and what may be done with them")
    func devices() throws {
        #expect(try DeviceFlag.parse("/dev/fuse") == ("/dev/fuse", "/dev/fuse", "rwm"))
        #expect(try DeviceFlag.parse("/dev/fuse:r") == ("/dev/fuse", "/dev/fuse", "r"))
        #expect(try DeviceFlag.parse("/dev/fuse:/dev/x:rw") == ("/dev/fuse", "/dev/x", "rw"))
        for text in [
            "", "fuse", "/etc/passwd", "/dev/", "/dev/../etc", "/dev/a:x", "/dev/a:", "/dev/a:r:w",
        ] {
            #expect(refusal { () throws(Failure) in try DeviceFlag.parse(text) }?.field == "device", "\(text)")
        }
        let null = try DeviceFlag.resolve("/dev/null")
        #expect(null == DeviceRequest(path: "/dev/null", kind: "c", major: 1, minor: 3, access: "rwm"))
        #expect(refusal { () throws(Failure) in try DeviceFlag.resolve("/dev/no-such-device") }?.field == "device")
        // /dev/fd is a link, /dev/shm a directory.
        for path in ["/dev/fd", "/dev/shm", "/dev/stdin"] {
            #expect(refusal { () throws(Failure) in try DeviceFlag.resolve(path) }?.code == "device.refused", "\(path)")
        }
    }

    @Test("names for containers nobody named are valid and free")
    func names() throws {
        var numbers = (0...).lazy.map { UInt64($0) }.makeIterator()
        let first = try ContainerNames.fresh(draw: { numbers.next() ?? 0 }) { _ in false }
        let second = try ContainerNames.fresh(draw: { 0 }) { $0 == first }
        #expect(first == "amber-anchor" && second.hasPrefix("hull-"))
        _ = try ContainerID(first)
        #expect(try ContainerNames.fresh(draw: { numbers.next() ?? 0 }) { $0 == first } != first)
    }
}
