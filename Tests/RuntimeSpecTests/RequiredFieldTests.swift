import Diagnostics
import Testing

@testable import RuntimeSpec

@Suite("what the specification requires of the fields of config.json")
struct RequiredFieldTests {
    private static func parse(_ members: String) throws -> RuntimeConfiguration {
        try ConfigurationTests.parse(#"{"ociVersion":"1.2.0",\#(members)}"#)
    }

    private static func resources(_ members: String) throws -> ResourceSpec {
        try parse(#""linux":{"resources":{\#(members)}}"#).linux.resources
    }

    @Test(
        "what is required and missing is no 0",
        arguments: [
            (#""process":{"cwd":"/","ioPriority":{"class":"IOPRIO_CLASS_BE"}}"#, "process.ioPriority.priority"),
            (#""process":{"cwd":"/","rlimits":[{"type":"RLIMIT_CORE","hard":1}]}"#, "process.rlimits[0].soft"),
            (#""process":{"cwd":"/","rlimits":[{"type":"RLIMIT_CORE","soft":1}]}"#, "process.rlimits[0].hard"),
            (#""process":{"cwd":"/","terminal":true,"consoleSize":{"height":1}}"#, "process.consoleSize.width"),
            (#""linux":{"uidMappings":[{"hostID":1,"size":1}]}"#, "linux.uidMappings[0].containerID"),
            (#""linux":{"gidMappings":[{"containerID":1,"size":1}]}"#, "linux.gidMappings[0].hostID"),
            (#""mounts":[{"destination":"/a","uidMappings":[{"containerID":1,"hostID":1}]}]"#,
                "mounts[0].uidMappings[0].size"),
            (#""linux":{"devices":[{"path":"/d","type":"c","minor":1}]}"#, "linux.devices[0].major"),
            (#""linux":{"devices":[{"path":"/d","type":"b","major":1}]}"#, "linux.devices[0].minor"),
        ])
    func missing(_ members: String, field: String) {
        let failure = #expect(throws: Failure.self) { try Self.parse(members) }
        #expect(failure?.field == field)
        #expect(failure?.cause?.contains("it is missing") == true, "\(failure?.description ?? "")")
    }

    @Test(
        "the same of resources, which update takes as well",
        arguments: [
            (#""devices":[{"type":"c","access":"r"}]"#, "devices[0].allow"),
            (#""hugepageLimits":[{"pageSize":"2MB"}]"#, "hugepageLimits[0].limit"),
            (#""network":{"priorities":[{"name":"a"}]}"#, "network.priorities[0].priority"),
            (#""rdma":{"a":{}}"#, "rdma.a.hcaHandles"),
            (#""blockIO":{"weightDevice":[{"minor":1,"weight":10}]}"#, "blockIO.weightDevice[0].major"),
            (#""blockIO":{"weightDevice":[{"major":8,"minor":1}]}"#, "blockIO.weightDevice[0].weight"),
            (#""blockIO":{"throttleReadBpsDevice":[{"major":8,"rate":1}]}"#, "blockIO.throttleReadBpsDevice[0].minor"),
            (#""blockIO":{"throttleWriteIOPSDevice":[{"major":8,"minor":1}]}"#,
                "blockIO.throttleWriteIOPSDevice[0].rate"),
        ])
    func missingOfResources(_ members: String, field: String) {
        let failure = #expect(throws: Failure.self) { try Self.resources(members) }
        #expect(failure?.field == "linux.resources.\(field)")
    }

    @Test(
        "a value that cannot be meant is refused, with the field",
        arguments: [
            (#""linux":{"resources":{"memory":{"swappiness":101}}}"#, "linux.resources.memory.swappiness"),
            (#""linux":{"resources":{"memory":{"limit":-2}}}"#, "linux.resources.memory.limit"),
            (#""linux":{"resources":{"memory":{"reservation":-2}}}"#, "linux.resources.memory.reservation"),
            (#""linux":{"resources":{"memory":{"swap":-2}}}"#, "linux.resources.memory.swap"),
            (#""linux":{"resources":{"pids":{"limit":-2}}}"#, "linux.resources.pids.limit"),
            (#""linux":{"maskedPaths":["/a","proc/kcore"]}"#, "linux.maskedPaths"),
            (#""linux":{"readonlyPaths":[""]}"#, "linux.readonlyPaths"),
            (#""linux":{"intelRdt":{}}"#, "linux.intelRdt"),
            (#""linux":{"seccomp":{"listenerMetadata":"m"}}"#, "linux.seccomp.listenerMetadata"),
            (#""linux":{"seccomp":{"listenerPath":"","listenerMetadata":"m"}}"#, "linux.seccomp.listenerMetadata"),
        ])
    func wrong(_ members: String, field: String) {
        let failure = #expect(throws: Failure.self) { try Self.parse(members) }
        #expect(failure?.field == field)
    }

    @Test("0, 100 and -1 are values of limits, and -1 without its sign is no swappiness")
    func bounds() throws {
        let least = try Self.resources(#""memory":{"swappiness":0,"limit":-1,"swap":-1},"pids":{"limit":-1}"#)
        #expect(least.memory.swappiness == 0)
        #expect(least.memory.limit == -1)
        #expect(least.memory.swap == -1)
        #expect(least.pids == -1)
        #expect(try Self.resources(#""memory":{"swappiness":100}"#).memory.swappiness == 100)
        let none = try Self.resources(#""memory":{"swappiness":18446744073709551615}"#)
        #expect(none.memory.swappiness == nil)
    }

    @Test("the idle class of input and output has no priorities, and needs none")
    func idle() throws {
        let process = try Self.parse(#""process":{"cwd":"/","ioPriority":{"class":"IOPRIO_CLASS_IDLE"}}"#).process
        #expect(process?.ioPriority?.priority == 0)
    }

    @Test("a pipe needs no numbers")
    func pipe() throws {
        let devices = try Self.parse(#""linux":{"devices":[{"path":"/p","type":"p"}]}"#).linux.devices
        #expect(devices.map(\.path) == ["/p"])
    }

    @Test("the size of a terminal is looked at only where there is one")
    func consoleSize() throws {
        let none = try Self.parse(#""process":{"cwd":"/","consoleSize":{"height":"x"}}"#).process
        #expect(none?.consoleSize?.rows == nil)
        let some = try Self.parse(
            #""process":{"cwd":"/","terminal":true,"consoleSize":{"height":25,"width":80}}"#).process
        #expect(some?.consoleSize?.rows == 25)
        #expect(some?.consoleSize?.columns == 80)
    }
}
