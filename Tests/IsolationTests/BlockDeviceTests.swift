import LinuxKernel
import Testing

@testable import Isolation

/// A made-up /sys: what lies below what.
@Suite("The disk behind a path")
struct BlockDeviceTests {
    final class FakeSys {
        let path = "/tmp/bulkhead-sys-\(String(KernelRandom.number(), radix: 36))"

        init() throws {
            try Directories.makeAll(path + "/dev/block", mode: 0o755)
            try device("8:0", at: "pci/sda")
            try device("8:1", at: "pci/sda/sda1", ["partition": "1"])
            try device("8:16", at: "pci/sdb")
            try device("254:0", at: "virtual/dm-0", below: ["pci/sda/sda1"])
            try device("254:1", at: "virtual/dm-1", below: ["virtual/dm-0"])
            try device("9:0", at: "virtual/md0", below: ["pci/sda", "pci/sdb"])
            try device("254:2", at: "virtual/dm-2", below: ["virtual/md0"])
            try device("7:0", at: "virtual/loop0", ["loop/backing_file": "/images/disk"])
            try device("7:1", at: "virtual/loop1", ["loop/backing_file": "/round"])
            try device("259:0", at: "pci/nvme0n1", below: [])
        }

        deinit { do { try TreeRemoval.remove(path) } catch { Issue.record("\(error)") } }

        private func device(
            _ number: String, at place: String, _ files: [String: String] = [:], below: [String]? = nil
        ) throws {
            let directory = "\(path)/devices/\(place)"
            try Directories.makeAll(directory, mode: 0o755)
            for (name, text) in files.merging(["dev": number], uniquingKeysWith: { $1 }) {
                if name.contains("/") { try Directories.makeAll(directory + "/loop", mode: 0o755) }
                try OwnedDescriptor.open(RawPath("\(directory)/\(name)"), [.writeOnly, .create], mode: 0o644)
                    .write(text + "\n")
            }
            let block = try OwnedDescriptor.open(RawPath(path + "/dev/block"), [.directory])
            try block.makeLink(RawPath(number), to: RawPath("../../devices/\(place)"))
            guard let below else { return }
            try Directories.makeAll(directory + "/slaves", mode: 0o755)
            for (index, other) in below.enumerated() {
                try OwnedDescriptor.open(RawPath(directory + "/slaves"), [.directory])
                    .makeLink(RawPath("below\(index)"), to: RawPath("\(path)/devices/\(other)"))
            }
        }
    }

    static let mounts = """
        20 1 8:1 / / rw - ext4 /dev/sda1 rw
        21 20 0:30 / /merged rw - overlay overlay rw,lowerdir=/l,upperdir=/up\\040per,workdir=/w
        22 20 0:31 /sub /butter rw - btrfs /dev/sdb rw,space_cache
        23 20 0:32 / /memory rw - tmpfs tmpfs rw
        24 20 0:33 / /merged/inner rw - overlay overlay rw,lowerdir=/l
        """

    private func stack(_ sys: FakeSys) -> DeviceStack {
        DeviceStack(
            sys: sys.path, mounts: { () throws(KernelError) in Self.mounts },
            place: { path throws(KernelError) in
                switch path {
                case "/merged/x": ("0:30", path)
                case "/up per": ("254:1", path)
                case "/butter/y": ("0:99", path)
                case "/memory/z": ("0:32", path)
                case "/merged/inner/q": ("0:33", path)
                case "/images/disk": ("8:1", path)
                case "/round": ("7:1", path)
                default: throw KernelError(call: "open", on: path, errno: Errno.noEntry)
                }
            },
            node: { path throws(KernelError) in path == "/dev/sdb" ? "8:16" : "8:0" })
    }

    @Test(
        "is the whole disk below partitions, mappings and loop devices, and a mapping that is on several itself",
        arguments: [
            ("8:0", "8:0"), ("8:1", "8:0"), ("254:0", "8:0"), ("254:1", "8:0"), ("9:0", "9:0"), ("254:2", "9:0"),
            ("7:0", "8:0"), ("259:0", "259:0"), ("252:0", "252:0"),
        ])
    func devices(number: String, disk: String) throws {
        let sys = try FakeSys()
        #expect(try stack(sys).disk(below: number) == disk)
    }

    @Test(
        "is found through an overlay's upper directory and for btrfs, which have no device of their own",
        arguments: [("/merged/x", "8:0"), ("/butter/y", "8:16")])
    func paths(path: String, disk: String) throws {
        let sys = try FakeSys()
        #expect(try stack(sys).disk(behind: path) == disk)
    }

    @Test(
        "is none for memory, for an overlay nobody can write, and for a loop device over itself",
        arguments: ["/memory/z", "/merged/inner/q", "/round"])
    func none(path: String) throws {
        let sys = try FakeSys()
        #expect(throws: KernelError.self) { try stack(sys).disk(behind: path) }
    }

    @Test("mountinfo's escapes are undone and its optional fields passed over")
    func lines() throws {
        let line = try #require(
            MountLine("36 35 98:0 /r /a\\040b\\134c rw shared:1 master:2 - ext4 /dev/x\\011y rw,k=v"))
        #expect(line.point == "/a b\\c" && line.type == "ext4" && line.source == "/dev/x\ty")
        #expect(line.option("k") == "v" && line.option("rw") == nil)
        #expect(MountLine("36 35 98:0 /r /p rw - tmpfs  rw,k=v")?.source == "")
        #expect(MountLine("36 35 98:0 /r /p rw") == nil)
        #expect(MountLine.last(holding: "/mergedX", in: Self.mounts)?.point == "/")
        #expect(MountLine.last(holding: "/merged", in: Self.mounts)?.point == "/merged")
    }
}
