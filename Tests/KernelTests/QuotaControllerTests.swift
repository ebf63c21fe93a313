import Containers
import Diagnostics
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    /// On real disks with project quotas, which the VM has.
    @Suite("Disk limits", .serialized)
    struct QuotaControllerTests {
        static let limit: UInt64 = 16 << 20

        /// Where the VM mounts its disks: the scratch disk is ext4, the other XFS.
        static var disks: [(type: String, path: String)] {
            [("ext4", ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp")]
                + (ProcessEnvironment.value("VM_DISK1_MOUNT").map { [("xfs", $0)] } ?? [])
        }

        static func host(_ number: Int) throws -> TestHost {
            let disk = disks[number]
            try OwnedDescriptor.open(RawPath(disk.path), [.directory]).changeMode(0o711)
            return try TestHost(base: disk.path)
        }

        @Test("both file systems are there and hold projects to quotas")
        func present() throws {
            try #require(Self.disks.count == 2, "the VM has an XFS disk too")
            for disk in Self.disks {
                let root = try OwnedDescriptor.open(RawPath(disk.path), [.directory])
                #expect(root.projectQuotaState() == .enforced, "\(disk.type)")
            }
        }

        /// What du(1) counts: blocks of everything below the container's directories.
        static func taken(_ path: String) throws -> (bytes: UInt64, inodes: UInt64) {
            let directory = try OwnedDescriptor.open(RawPath(path), [.directory])
            var total = (bytes: UInt64(try directory.status().blocks) * 512, inodes: UInt64(1))
            for entry in try directory.entries() {
                if try directory.status(of: entry.name).kind == .directory {
                    let below = try taken(path + "/" + entry.name.description)
                    total = (total.bytes + below.bytes, total.inodes + below.inodes)
                } else {
                    total.bytes += UInt64(try directory.status(of: entry.name).blocks) * 512
                    total.inodes += 1
                }
            }
            return total
        }

        static func taken(_ host: TestHost, _ id: ContainerID) throws -> (bytes: UInt64, inodes: UInt64) {
            let upper = try taken("\(host.places.store)/containers/\(id.text)/upper")
            let work = try taken("\(host.places.store)/containers/\(id.text)/work")
            return (upper.bytes + work.bytes, upper.inodes + work.inodes)
        }

        @Test(
            "a writer stops within a block of its limit, its neighbour goes on, and use is what du counts",
            arguments: [0, 1])
        func stops(disk: Int) throws {
            let host = try Self.host(disk)
            let neighbour = try host.started("sleep 600") { $0.limits.disk = Self.limit }
            let (id, _, _) = try host.started("sleep 600") { $0.limits.disk = Self.limit }
            let fill = ["sh", "-c", "dd if=/dev/zero of=/root/file bs=4k count=9000; stat -c %s /root/file"]
            let answer = try host.exec(id, fill)
            #expect(answer.error.contains("No space left") || answer.error.contains("quota exceeded"), "\(answer)")
            let usage = try host.containerizer.usage(id)
            #expect(usage.diskLimitBytes == Self.limit)
            let shown = try host.exec(id, ["sh", "-c", "df -k / | tail -n 1 | awk '{ print $2 }'"])
            #expect(shown.output == "\(Self.limit >> 10)\n", "df shows the limit as the size")
            let used = try #require(usage.diskBytes)
            #expect(used <= Self.limit && Self.limit - used < 4_096 + 1, "\(used)")
            let written = try #require(UInt64(answer.output.split(separator: "\n").last ?? ""))
            // Directories and the file system's own blocks for a file count too.
            #expect(written <= Self.limit && Self.limit - written < 128 << 10, "\(written)")

            #expect(try host.exec(id, ["sh", "-c", "echo x > /etc/other || echo full"]).output == "full\n")
            let alone = ["sh", "-c", "dd if=/dev/zero of=/root/file bs=64k count=120; echo $?"]
            #expect(try host.exec(neighbour.id, alone).output == "0\n")
            let again = ["sh", "-c", "rm /root/file; dd if=/dev/zero of=/root/new bs=64k count=15; echo $?"]
            #expect(try host.exec(id, again).output == "0\n")
            try OwnedDescriptor.open(RawPath(host.scratch), [.directory]).synchronizeFilesystem()
            // XFS gives back what was removed in a worker of the kernel.
            let deadline = Deadline(seconds: 120)
            while true {
                let counted = try host.containerizer.usage(id)
                let (bytes, inodes) = try Self.taken(host, id)
                if counted.diskBytes == bytes, counted.diskInodes == inodes { break }
                try deadline.pause("\(counted) to be \(bytes) bytes and \(inodes) inodes")
            }
        }

        @Test("no more files than allowed, and the host makes one all the same", arguments: [0, 1])
        func inodes(disk: Int) throws {
            let host = try Self.host(disk)
            let (id, _, _) = try host.started("sleep 600") { $0.limits.diskInodes = 100 }
            let script = "i=0; while touch /root/$i; do i=$((i+1)); [ $i -lt 200 ] || break; done; echo $i"
            let said = try host.exec(id, ["sh", "-c", script]).output
            let made = try #require(Int(said.split(separator: "\n").last ?? ""))
            #expect((80..<100).contains(made), "\(made)")
            let usage = try host.containerizer.usage(id)
            #expect(usage.diskInodes == 100)
            #expect(usage.diskInodeLimit == 100)
            #expect(throws: Never.self) {
                try OwnedDescriptor.open(RawPath(host.scratch + "/mine"), [.writeOnly, .create], mode: 0o600)
            }
        }

        @Test("no file leaves its project from inside, neither in the root nor in a volume", arguments: [0, 1])
        func cannotLeave(disk: Int) throws {
            let host = try Self.host(disk)
            let shared = try host.directory("counted", mode: 0o777)
            let (id, _, _) = try host.started("sleep 600") {
                $0.limits.disk = Self.limit
                $0.volumes = [VolumeRequest(source: shared, target: "/counted", countsAsOwn: true)]
                for (source, target) in [("/usr", "/usr"), ("/usr/lib", "/lib"), ("/usr/lib64", "/lib64")] {
                    $0.volumes.append(VolumeRequest(source: source, target: target, readOnly: true, mapped: false))
                }
            }
            let upper = "\(host.places.store)/containers/\(id.text)/upper"
            #expect(try host.exec(id, ["mkdir", "/root/own", "/counted/own"]).code == 0)
            for (inside, outside) in [("/root/own", upper + "/root/own"), ("/counted/own", shared + "/own")] {
                let directory = try OwnedDescriptor.open(RawPath(outside), [.directory])
                let project = try directory.project()
                #expect(project >= 0x4000_0000)
                let moved = try host.exec(id, ["/usr/bin/chattr", "-p", "7", inside])
                #expect(moved.code != 0 && moved.error.contains("Invalid argument"), "\(moved)")
                let freed = try host.exec(id, ["/usr/bin/chattr", "-P", inside])
                #expect(freed.code != 0 && freed.error.contains("Invalid argument"), "\(freed)")
                #expect(try directory.project() == project)
                // What is made there, or moved there from elsewhere, is counted all the same.
                #expect(try host.exec(id, ["sh", "-c", "echo x > /tmp/y && mv /tmp/y \(inside)/y"]).code == 0)
                #expect(try OwnedDescriptor.open(RawPath(outside + "/y")).project() == project)
            }
        }

        @Test("volumes that count share the limit, whatever was in them before counts as well", arguments: [0, 1])
        func volumes(disk: Int) throws {
            let host = try Self.host(disk)
            let sandbox = try host.directory("sandbox", mode: 0o777)
            try Directories.makeAll(sandbox + "/fetched", mode: 0o755)
            try OwnedDescriptor.open(RawPath(sandbox + "/fetched/file"), [.writeOnly, .create], mode: 0o644)
                .write([UInt8](repeating: 1, count: 6 << 20))
            let (id, _, _) = try host.started("sleep 600") {
                $0.limits.disk = Self.limit
                $0.volumes = [VolumeRequest(source: sandbox, target: "/sandbox", countsAsOwn: true)]
            }
            #expect(try #require(try host.containerizer.usage(id).diskBytes) >= 6 << 20)
            let fill = ["/root/a", "/sandbox/b"].map { "dd if=/dev/zero of=\($0) bs=64k count=95; echo $?" }
                .joined(separator: "; ")
            #expect(try host.exec(id, ["sh", "-c", fill]).output == "0\n1\n")
            let project = try OwnedDescriptor.open(RawPath(sandbox), [.directory]).project()
            try host.containerizer.remove(id, force: true)
            let left = try OwnedDescriptor.open(RawPath(sandbox), [.directory]).quota(ofProject: project)
            #expect(left.bytesMax == 0 && left.bytes > 6 << 20, "the files stay, the limit goes")
        }

        @Test("a link in the place of a volume, or on the way to it, is not followed to be counted", arguments: [0, 1])
        func links(disk: Int) throws {
            let host = try Self.host(disk)
            let outside = try host.directory("outside", mode: 0o755)
            try Directories.makeAll(outside + "/nested", mode: 0o755)
            let sandbox = try host.directory("parent", mode: 0o777)
            try OwnedDescriptor.open(RawPath(sandbox), [.directory]).makeLink(RawPath("way"), to: RawPath(outside))
            try OwnedDescriptor.open(RawPath(sandbox), [.directory]).makeLink(RawPath("up"), to: RawPath("."))
            try Directories.makeAll(sandbox + "/containers", mode: 0o755)
            try OwnedDescriptor.open(RawPath(sandbox + "/containers"), [.directory])
                .makeLink(RawPath("nested"), to: RawPath("../../outside"))
            for source in ["way/nested", "containers/nested", "up"] {
                let failure = #expect(throws: Failure.self) {
                    try host.started("sleep 600") {
                        $0.limits.disk = Self.limit
                        $0.volumes = [
                            VolumeRequest(
                                source: sandbox + "/" + source, target: "/sandbox", countsAsOwn: true,
                                confinedTo: sandbox)
                        ]
                    }
                }
                #expect(failure?.code == "disk.cannot-count", "\(String(describing: failure))")
            }
            for path in [outside, outside + "/nested", sandbox] {
                #expect(try OwnedDescriptor.open(RawPath(path), [.directory]).project() == 0, "\(path)")
            }
        }

        @Test("a sandbox inside another's has limits of its own, and takes none of the other's along at its end")
        func nested() throws {
            try #require(Self.disks.count == 2)
            // On another file system than the store: there the directories have projects of their own.
            let (host, other) = (try Self.host(0), try Self.host(1))
            let sandbox = try other.directory("sandbox", mode: 0o777)
            try Directories.makeAll(sandbox + "/containers/a", mode: 0o777)
            try Directories.makeAll(sandbox + "/containers/b", mode: 0o777)
            func started(_ path: String, _ bytes: UInt64) throws -> (id: ContainerID, place: OwnedDescriptor) {
                let id = try host.started("sleep 600") {
                    $0.limits.disk = bytes
                    $0.volumes = [
                        VolumeRequest(source: path, target: "/sandbox", countsAsOwn: true, confinedTo: sandbox)
                    ]
                }.id
                return (id, try OwnedDescriptor.open(RawPath(path), [.directory]))
            }
            func limit(_ place: OwnedDescriptor) throws -> UInt64 {
                try place.quota(ofProject: place.project()).bytesMax
            }
            let parent = try started(sandbox, 3 * Self.limit)
            let a = try started(sandbox + "/containers/a", Self.limit)
            let b = try started(sandbox + "/containers/b", 2 * Self.limit)
            #expect(Set([try parent.place.project(), try a.place.project(), try b.place.project()]).count == 3)
            #expect(try limit(parent.place) == 3 * Self.limit)
            try host.containerizer.remove(a.id, force: true)
            #expect(try limit(a.place) == 0 && limit(b.place) == 2 * Self.limit)
            #expect(try limit(parent.place) == 3 * Self.limit)
            // Where b's sandbox was, the parent puts a directory of its own.
            #expect(try HostCommand.run("cd \(sandbox) && mv containers old && mkdir -p containers/b").code == 0)
            try host.containerizer.remove(b.id, force: true)
            #expect(try limit(parent.place) == 3 * Self.limit)
            try host.containerizer.remove(parent.id, force: true)
            #expect(try limit(parent.place) == 0)
        }

        @Test("an update moves the limit, and takes it away", arguments: [0, 1])
        func update(disk: Int) throws {
            let host = try Self.host(disk)
            let (id, _, _) = try host.started("sleep 600") { $0.limits.disk = Self.limit }
            let fill = ["sh", "-c", "dd if=/dev/zero of=/root/a bs=64k count=450; echo $?"]
            #expect(try host.exec(id, fill).output == "1\n")
            try host.containerizer.update(id, limits: ContainerLimits(disk: 2 * Self.limit))
            #expect(try host.exec(id, fill).output == "0\n")
            #expect(try host.containerizer.usage(id).diskLimitBytes == 2 * Self.limit)
            try host.containerizer.update(id, limits: ContainerLimits())
            let more = ["sh", "-c", "dd if=/dev/zero of=/root/a bs=64k count=600; echo $?"]
            #expect(try host.exec(id, more).output == "0\n")
        }

        @Test("a crash at any point of a launch leaves neither files nor limits behind", arguments: [
            "launch.recorded", "launch.snapshot", "launch.established", "launch.released", "launch.started",
        ])
        func crash(point: String) throws {
            let host = try Self.host(0)
            let root = try OwnedDescriptor.open(RawPath(host.scratch), [.directory])
            let id = ContainerID(number: KernelRandom.number())
            let outcome = try LaunchOnce.run("limited", on: host, id.text, failpoint: point)
            #expect(outcome.end == .signaled(9), "\(outcome.output)")
            var projects: [UInt32] = []
            for name in try OwnedDescriptor.open(RawPath(host.places.store + "/containers"), [.directory]).entries() {
                let upper = "\(host.places.store)/containers/\(name.name)/upper"
                if HostFacts.exists(upper) {
                    projects.append(try OwnedDescriptor.open(RawPath(upper), [.directory]).project())
                }
            }
            #expect(point == "launch.recorded" ? projects.isEmpty : projects.allSatisfy { $0 >= 0x4000_0000 })
            try host.containerizer.sweep()
            for status in try host.containerizer.list() {
                try host.containerizer.remove(status.record.request.id, force: true)
            }
            for project in projects { #expect(try root.quota(ofProject: project).isUnused) }
        }
    }
}
