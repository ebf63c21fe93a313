import Containers
import LinuxKernel
import NativeContainerizer
import Testing

extension ControllerTests {
    @Suite("Devices", .serialized)
    struct DeviceControllerTests {
        /// Root of the host, in the container's cgroup: nothing but the device program is in its way.
        @Test(
            "the host's own root opens no device but the container's when it is in its cgroup",
            arguments: ["/dev/kmsg", "/dev/mem", "DISK"])
        func refused(name: String) throws {
            let host = try TestHost()
            let device = name == "DISK" ? try DiskControllerTests.disk(host).path : name
            let (_, group, _) = try host.started("sleep 600")
            let open = "dd if=\(device) of=/dev/null bs=512 count=0"
            #expect(try HostCommand.run(open).code == 0, "it can be opened elsewhere")
            let answer = try HostCommand.run(open, in: group)
            #expect(answer.code != 0)
            #expect(answer.said.contains("Operation not permitted"), "\(answer.said)")
        }

        @Test("the container's own devices open there", arguments: ["null", "zero", "full", "random", "urandom"])
        func allowed(name: String) throws {
            let host = try TestHost()
            let (_, group, _) = try host.started("sleep 600")
            let answer = try HostCommand.run("dd if=/dev/\(name) of=/dev/null bs=1 count=1 2> /dev/null", in: group)
            #expect(answer.code == 0)
        }

        @Test("no device can be made there, not even one that may be opened", arguments: ["c 1 3", "c 1 11", "b 7 0"])
        func noNode(kind: String) throws {
            let host = try TestHost()
            let (_, group, _) = try host.started("sleep 600")
            let answer = try HostCommand.run("mknod \(host.layer)/tmp/node \(kind)", in: group)
            #expect(answer.code != 0)
            #expect(answer.said.contains("Operation not permitted"), "\(answer.said)")
            #expect(!HostFacts.exists(host.layer + "/tmp/node"))
        }

        @Test("a device that was given opens for what it was given for, and no more")
        func given() throws {
            let host = try TestHost()
            let disk = try DiskControllerTests.disk(host)
            let numbers = disk.number.split(separator: ":").compactMap { UInt32($0) }
            let outcome = try host.shell(
                "dd if=/dev/disk of=/dev/null bs=512 count=1 && echo read; dd if=/dev/null of=/dev/disk bs=512 count=0"
            ) {
                $0.isolation.devices = [
                    DeviceRequest(path: "/dev/disk", kind: "b", major: numbers[0], minor: numbers[1], access: "r")
                ]
                $0.isolation.allowedDevices = ["/dev/disk"]
            }
            #expect(outcome.output == "read\n")
            #expect(outcome.exit.code != 0)
            #expect(outcome.error.contains("can't open '/dev/disk': Operation not permitted"), "\(outcome.error)")
        }
    }
}
