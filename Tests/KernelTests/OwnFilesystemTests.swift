import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

/// Disk limits where the file system has no quotas: a file system of the container's own over a loop device.
@Suite("A file system of the container's own", .serialized)
struct OwnFilesystemTests {
    static let limit: UInt64 = 24 << 20

    static func limited(_ request: inout ContainerRequest) {
        request.limits.disk = limit
        request.limits.diskBacking = .loop
    }

    /// The name of a loop device over a file below `path`. Devices come and go while we look.
    private static func loop(over path: String) throws -> String? {
        for device in try OwnedDescriptor.open("/sys/block", [.directory]).entries() {
            let file = "/sys/block/\(device.name)/loop/backing_file"
            guard HostFacts.exists(file) else { continue }
            do throws(KernelError) { if try TextFile.read(file).hasPrefix(path) { return "\(device.name)" } } catch {
                guard error.errno == Errno.noEntry || error.errno == Errno.noDevice else { throw error }
            }
        }
        return nil
    }

    /// The kernel lets go of the device when the last user of the mount has gone, a moment after it was unmounted.
    private static func waitForRelease(_ path: String) throws {
        let deadline = Deadline(seconds: 120)
        while try loop(over: path) != nil { try deadline.pause("the loop device to be let go of") }
    }

    @Test("is as large as its limit, shows in no mount table but the container's, and goes with it")
    func limits() throws {
        let host = try TestHost()
        let running = try host.detached(["sleep", "600"], Self.limited)
        let id = running.record.request.id
        let answer = try host.exec(
            id, ["sh", "-c", "dd if=/dev/zero of=/root/file bs=64k count=900; stat -c %s /root/file"])
        #expect(answer.error.contains("No space left on device"), "\(answer)")
        let written = try #require(UInt64(answer.output.split(separator: "\n").last ?? ""))
        #expect(written < Self.limit && written > Self.limit * 3 / 4, "\(written)")
        let usage = try host.containerizer.usage(id)
        let limit = try #require(usage.diskLimitBytes)
        #expect(limit <= Self.limit && limit > Self.limit * 3 / 4)
        #expect(try #require(usage.diskBytes) > limit * 9 / 10)
        #expect(try host.exec(id, ["sh", "-c", "cat /etc/passwd | wc -l; rm /root/file; echo x > /etc/new; echo $?"])
            .output == "2\n0\n")

        // The third field is the device a mount is of. Others' loop devices may well be mounted on the host.
        let image = "\(host.places.store)/containers/\(id.text)/disk.image"
        let device = try #require(try Self.loop(over: image))
        let number = try TextFile.read("/sys/block/\(device)/dev").filter { !$0.isNewline }
        let mounts = try TextFile.read("/proc/self/mountinfo")
        let devices = mounts.split(separator: "\n").compactMap { $0.split(separator: " ").dropFirst(2).first }
        #expect(!mounts.contains(host.scratch) && !mounts.contains("/dev/\(device) "))
        #expect(!devices.contains(number[...]))
        try host.containerizer.remove(id, force: true)
        #expect(!HostFacts.exists(image))
        try Self.waitForRelease(host.scratch)
    }

    @Test("has as many files as were asked for")
    func inodes() throws {
        let host = try TestHost()
        let script = "i=0; while touch /root/$i; do i=$((i+1)); [ $i -lt 600 ] || break; done; echo $i"
        let outcome = try host.shell(script) {
            Self.limited(&$0)
            $0.limits.diskInodes = 200
        }
        let made = try #require(Int(outcome.output.split(separator: "\n").last ?? ""))
        #expect((150...330).contains(made), "\(made)")
    }

    @Test("shows the image as it is: owners, modes and links")
    func content() throws {
        let host = try TestHost()
        let outcome = try host.shell("stat -c '%a %u:%g' / /tmp /etc/passwd; readlink /bin/sh; id -u", Self.limited)
        #expect(outcome.output == "755 0:0\n1777 0:0\n644 0:0\nbusybox\n0\n")
    }

    @Test("gives a root directory of an owner whom no container has to nobody")
    func strangeOwner() throws {
        let host = try TestHost()
        try host.image().changeOwner(of: ".", uid: 4_294_967_294, gid: 70_000)
        #expect(try host.shell("stat -c %u:%g /", Self.limited).output == "65534:65534\n")
    }

    @Test(
        "a crash at any point of a launch leaves no file, no mount and no loop device",
        arguments: ["launch.snapshot", "launch.spawned", "launch.opened", "launch.started"])
    func crash(point: String) throws {
        let host = try TestHost()
        let id = ContainerID(number: KernelRandom.number())
        let outcome = try LaunchOnce.run("loop", on: host, id.text, failpoint: point)
        #expect(outcome.end == .signaled(9), "\(outcome.output)")
        try host.containerizer.sweep()
        for status in try host.containerizer.list() {
            try host.containerizer.remove(status.record.request.id, force: true)
        }
        #expect(!HostFacts.exists("\(host.places.store)/containers/\(id.text)"))
        try Self.waitForRelease(host.scratch)
    }

    @Test("a limit without quotas is refused with both remedies, and accepted to be none")
    func refused() throws {
        let host = try TestHost(base: "/dev/shm")
        // The plan is refused too, and which of the two threads finds out first is chance.
        for _ in 0..<50 {
            let failure = try #require(throws: Failure.self) { try host.run(["true"]) { $0.limits.disk = Self.limit } }
            #expect(failure.code == "disk.not-enforced")
            #expect(failure.remedy?.contains("--disk-backing loop") == true)
            #expect(failure.remedy?.contains("--allow-unenforced disk") == true)
        }
        let accepted = try host.run(["true"]) {
            $0.limits.disk = Self.limit
            $0.isolation.allowedUnenforced = ["disk"]
        }
        #expect(accepted.exit.code == 0)
    }
}
