import Diagnostics
import Testing

@Suite("Capabilities")
struct CapabilityTests {
    @Test(
        "the numbers are the kernel's",
        arguments: [
            (Capability.chown, 0), (.netBindService, 10), (.sysChroot, 18), (.sysPtrace, 19), (.sysAdmin, 21),
            (.mknod, 27),
            (.setfcap, 31), (.syslog, 34), (.perfmon, 38), (.bpf, 39), (.checkpointRestore, 40),
        ] as [(Capability, UInt8)])
    func numbers(capability: Capability, number: UInt8) {
        #expect(capability.rawValue == number)
        #expect(Capability.allCases.count == 41)
    }

    @Test("a name is taken with or without CAP_ and in any case", arguments: Capability.allCases)
    func names(capability: Capability) throws {
        #expect(try Capability(name: capability.name) == capability)
        #expect(try Capability(name: String(capability.name.dropFirst(4)).lowercased()) == capability)
    }

    @Test(
        "an unknown name is refused with a word on where to look",
        arguments: ["", "CAP_", "NET_ADMIN ", "SYS_GOD", "ALL"])
    func unknown(name: String) {
        let failure = #expect(throws: Failure.self) { try Capability(name: name) }
        #expect(failure?.code == "capability.unknown")
        #expect(failure?.remedy?.contains("capabilities(7)") == true)
    }

    @Test("where only the kernel's own names count, no other is taken, and none for all", arguments: [
        "ALL", "all", "CAP_ALL", "NET_ADMIN", "net_admin", "cap_net_admin", "", "CAP_",
    ])
    func exactly(name: String) throws {
        let failure = #expect(throws: Failure.self) { try CapabilitySet(exactly: ["CAP_CHOWN", name]) }
        #expect(failure?.code == "capability.unknown" && failure?.remedy?.contains("ALL") == false)
        #expect(try CapabilitySet(exactly: ["CAP_CHOWN", "CAP_NET_ADMIN"]) == CapabilitySet([.chown, .netAdmin]))
    }

    @Test("the default of a root image is ten capabilities, of another image none")
    func defaults() {
        #expect(
            CapabilitySet.rootDefault.names == [
                "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
                "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
            ])
        #expect(CapabilitySet.userDefault.isEmpty)
        #expect(CapabilitySet.all.rawValue == 0x1ff_ffff_ffff)
    }

    @Test(
        "adding and dropping mean what they mean to Docker",
        arguments: [
            ([], [], CapabilitySet.rootDefault.names),
            (["NET_RAW"], ["ALL"], ["CAP_NET_RAW"]),
            ([], ["ALL"], []),
            (
                ["KILL"], ["KILL", "CHOWN", "FOWNER", "FSETID", "SETGID", "SETUID", "SETPCAP", "DAC_OVERRIDE"],
                ["CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"]
            ),
            (["all"], CapabilitySet.all.names.dropLast(), ["CAP_CHECKPOINT_RESTORE"]),
            (["ALL"], ["ALL"], CapabilitySet.all.names),
        ] as [([String], [String], [String])])
    func adjusting(adding: [String], dropping: [String], expected: [String]) throws {
        #expect(try CapabilitySet.rootDefault.adjusted(adding: adding, dropping: dropping).names == expected)
    }

    @Test("an unknown name in --cap-drop is refused too")
    func unknownDrop() {
        #expect(throws: Failure.self) { try CapabilitySet.rootDefault.adjusted(adding: [], dropping: ["SYS_GOD"]) }
    }
}
