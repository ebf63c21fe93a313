import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

@testable import Isolation

extension ControllerTests {
    @Suite("Disks", .serialized)
    struct DiskControllerTests {
        static let rate: UInt64 = 4 << 20

        /// Number and device of the disk that holds the containers' files.
        static func disk(_ host: TestHost) throws -> (number: String, path: String) {
            let number = try BlockDevice.number(nil, behind: host.layer)
            let target = try #require(HostFacts.linkTarget("/sys/dev/block/" + number))
            return (number, "/dev/" + (target.split(separator: "/").last ?? ""))
        }

        @Test("a writer is held to its bytes a second, on the disk behind its files")
        func write() throws {
            let host = try TestHost()
            let script = "while :; do dd if=/dev/zero of=/root/file bs=256k count=64 oflag=direct; done"
            let (id, group, _) = try host.started(script) {
                $0.limits.io = [IOLimit(kind: .writeBytes, device: nil, perSecond: Self.rate)]
            }
            let number = try Self.disk(host).number
            #expect(try host.setting("io.max", of: id) == "\(number) rbps=max wbps=\(Self.rate) riops=max wiops=max")
            try expect(group, "wbytes", within: Self.rate, over: 12 << 20)
        }

        @Test("a reader is held to its bytes a second, on a disk given by its device")
        func read() throws {
            let host = try TestHost()
            let disk = try Self.disk(host)
            let (id, group, _) = try host.started(Self.readLoop) {
                $0.limits.io = [IOLimit(kind: .readBytes, device: disk.path, perSecond: Self.rate)]
            }
            #expect(try host.setting("io.max", of: id).hasPrefix("\(disk.number) rbps=\(Self.rate) wbps=max"))
            try expect(group, "rbytes", within: Self.rate, over: 12 << 20)
        }

        @Test("operations are limited too, and an update changes and removes the limit")
        func operations() throws {
            let host = try TestHost()
            let limit = IOLimit(kind: .readOperations, device: nil, perSecond: 40)
            let (id, group, _) = try host.started(Self.readLoop) { $0.limits.io = [limit] }
            try expect(group, "rios", within: 40, over: 80)
            try host.containerizer.update(id, limits: ContainerLimits())
            #expect(try host.setting("io.max", of: id) == "")
            let free = try Measured.highest(reaching: 80) {
                try Measured("reads", growsBy: 100) { Measured.disk(group, "rios") }.perSecond
            }
            #expect(free > 80, "read \(free) times a second without a limit")
        }

        /// Two, so that one reads while the other begins anew.
        static let readLoop =
            "dd if=/dev/zero of=/root/file bs=1M count=8 oflag=direct; for reader in 1 2; do "
            + "(while :; do dd if=/root/file of=/dev/null bs=256k iflag=direct; done) & done; wait"

        /// The counter's growth is within 15 percent of `rate`, once it has begun to grow.
        func expect(_ group: ControlGroup, _ key: String, within rate: UInt64, over amount: UInt64) throws {
            _ = try Measured(key, growsBy: amount / 12) { Measured.disk(group, key) }
            let share = try Measured.highest(reaching: 0.85) {
                try Measured(key, growsBy: amount) { Measured.disk(group, key) }.perSecond / Double(rate)
            }
            #expect((0.85...1.15).contains(share), "\(key) grew at \(share) times the rate asked for")
        }

        @Test("a weight is refused while nothing on the disk goes by it, and kept when something does")
        func weight() throws {
            let host = try TestHost()
            let number = try Self.disk(host).number
            let failure = try #require(throws: Failure.self) { try host.run(["true"]) { $0.limits.ioWeight = 50 } }
            #expect(failure.code == "cgroup.no-weight")
            #expect(failure.remedy?.contains("echo '\(number) enable=1' > /sys/fs/cgroup/io.cost.qos") == true)
            #expect(try host.containerizer.list().isEmpty)

            try TextFile.write("\(number) enable=1", to: "/sys/fs/cgroup/io.cost.qos")
            defer {
                #expect(throws: Never.self) {
                    try TextFile.write("\(number) enable=0", to: "/sys/fs/cgroup/io.cost.qos")
                }
            }
            let (id, _, _) = try host.started("sleep 600") { $0.limits.ioWeight = 50 }
            #expect(try host.setting("io.weight", of: id) == "default 50")
        }

        @Test("a partition's limits are its disk's")
        func partition() throws {
            let host = try TestHost()
            let image = host.layer + "/disk"
            // A partition table with one entry: type 83, 16 sectors from sector 8 on.
            let entry = #"\0\0\0\0\203\0\0\0\10\0\0\0\20\0\0\0"#
            let answer = try HostCommand.run(
                """
                truncate -s 1M \(image)
                printf '\(entry)' | dd of=\(image) bs=1 seek=446 conv=notrunc status=none
                printf '\\125\\252' | dd of=\(image) bs=1 seek=510 conv=notrunc status=none
                losetup -fP --show \(image)
                """)
            #expect(answer.code == 0, "\(answer.said)")
            let disk = answer.said.filter { !$0.isNewline }
            defer {
                #expect(throws: Never.self) { try HostCommand.run("losetup -d \(disk)") }
            }
            let number = try TextFile.read("/sys/class/block/\(disk.dropFirst(5))/dev").filter { !$0.isNewline }
            #expect(try BlockDevice.number(disk, behind: "/") == number)
            let part = disk + "p1"
            let find = "tr : ' ' < /sys/class/block/\(part.dropFirst(5))/dev"
            #expect(try HostCommand.run("[ -b \(part) ] || mknod \(part) b $(\(find))").code == 0)
            #expect(try OwnedDescriptor.open(RawPath(part), [.path]).status().kind == .block)
            #expect(try BlockDevice.number(part, behind: "/") == number)
        }

        /// A file system on a loop device, another on a mapping of that, and an overlay upon the second one.
        private static func stacked(on host: TestHost) throws -> [(kind: String, path: String)] {
            let places = ["loop", "mapping", "overlay"].map { ($0, "\(host.scratch)/\($0)") }
            let name = "bulkhead-test"
            let answer = try HostCommand.run(
                """
                set -e
                modprobe dm_mod; cd \(host.scratch); mkdir loop mapping overlay
                truncate -s 256M image; mkfs.ext4 -q image
                mount "$(losetup -f --show --direct-io=on image)" loop
                truncate -s 128M loop/image; device=$(losetup -f --show --direct-io=on loop/image)
                dmsetup create \(name) --table "0 $(blockdev --getsz $device) linear $device 0"
                number=$(dmsetup info -c --noheadings -o major,minor --separator ' ' \(name))
                [ -b /dev/mapper/\(name) ] || { mkdir -p /dev/mapper; mknod /dev/mapper/\(name) b $number; }
                mkfs.ext4 -q /dev/mapper/\(name); mount /dev/mapper/\(name) mapping
                mkdir mapping/up mapping/work mapping/low
                cd mapping
                mount -t overlay overlay -o lowerdir=$PWD/low,upperdir=$PWD/up,workdir=$PWD/work ../overlay
                """)
            try #require(answer.code == 0, "\(answer.said)")
            return places
        }

        /// From the top down. A launch of another test may have these mounts too for a moment, in a namespace of its
        /// own, and until it lets go of them what is below is busy.
        private static func unstack(_ host: TestHost) throws {
            let answer = try HostCommand.run(
                """
                soon() { for try in $(seq 3000); do "$@" 2> /dev/null && return; sleep 0.1; done; "$@"; }
                set -e
                cd \(host.scratch); umount overlay mapping; soon dmsetup remove bulkhead-test
                losetup -d $(losetup -nO NAME -j loop/image); soon umount loop
                losetup -d $(losetup -nO NAME -j image)
                """)
            #expect(answer.code == 0, "\(answer.said)")
        }

        @Test("through loop devices, mappings and overlays a limit holds on the disk that has the bytes")
        func stack() throws {
            let host = try TestHost()
            let number = try Self.disk(host).number
            defer { #expect(throws: Never.self) { try Self.unstack(host) } }
            for place in try Self.stacked(on: host) {
                #expect(try BlockDevice.number(nil, behind: place.path) == number, "\(place.kind)")
            }
            // A volume there: what the container writes through it is counted, and held, at the disk.
            let script = "while :; do dd if=/dev/zero of=/volume/file bs=256k count=64 oflag=direct; done"
            let (id, group, _) = try host.started(script) {
                $0.limits.io = [IOLimit(kind: .writeBytes, device: nil, perSecond: Self.rate)]
                $0.volumes = [VolumeRequest(source: host.scratch + "/mapping/up", target: "/volume")]
            }
            #expect(try host.setting("io.max", of: id).hasPrefix("\(number) rbps=max wbps=\(Self.rate)"))
            // Each device on the way counts the same bytes: only the disk's are the limit's.
            func written() -> UInt64? {
                let lines = (group.contents("io.stat") ?? "").split(separator: "\n")
                return lines.first { $0.hasPrefix(number + " ") }?.split(separator: " ")
                    .first { $0.hasPrefix("wbytes=") }.flatMap { UInt64($0.dropFirst(7)) }
            }
            try Deadline(seconds: 60).wait("the disk to be written to") { written() ?? 0 > 1 << 20 }
            let share = try Measured.highest(reaching: 0.85) {
                try Measured("wbytes", growsBy: 12 << 20, written).perSecond / Double(Self.rate)
            }
            #expect((0.85...1.15).contains(share), "the disk was written to at \(share) times the rate asked for")
            try host.containerizer.remove(id, force: true)
        }

        @Test(
            "a limit for something that is no disk is refused before anything runs",
            arguments: ["/dev/null", "/etc", "/dev/none"])
        func noDisk(path: String) throws {
            let host = try TestHost()
            let failure = try #require(throws: Failure.self) {
                try host.run(["true"]) { $0.limits.io = [IOLimit(kind: .readBytes, device: path, perSecond: 1_000)] }
            }
            #expect(failure.code == "cgroup.no-device")
            #expect(try host.containerizer.list().isEmpty)
        }
    }
}
