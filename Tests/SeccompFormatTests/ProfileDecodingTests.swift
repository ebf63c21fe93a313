import Diagnostics
import SeccompFormat
import Testing

@Suite("Reading profiles")
struct ProfileDecodingTests {
    static let kernel = KernelRelease(major: 6, minor: 1)

    static func decode(_ json: String) throws -> SeccompProfile {
        try SeccompProfile.decode(json: Array(json.utf8), name: "sample.json")
    }

    /// Decodes a profile with one rule and answers how the rule looks for a container.
    static func rules(_ rule: String, for capabilities: CapabilitySet = [], kernel: KernelRelease = kernel) throws
        -> [FilterRule]
    {
        try decode(#"{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [\#(rule)]}"#)
            .resolve(for: capabilities, kernel: kernel, native: .amd64).rules
    }

    @Test("a profile in Docker's form is read whole")
    func dockerForm() throws {
        let profile = try Self.decode(
            """
            {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
             "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
                         {"architecture": "SCMP_ARCH_S390X", "subArchitectures": ["SCMP_ARCH_S390"]}],
             "syscalls": [
               {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW", "args": [], "comment": "", "includes": {},
                "excludes": {}},
               {"name": "ptrace", "action": "SCMP_ACT_ALLOW", "args": null, "includes": {"minKernel": "4.8"}},
               {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
                "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
               {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
            """)
        let filter = profile.resolve(for: [], kernel: Self.kernel, native: .amd64)
        #expect(filter.defaultAction == .refuse(.noSuchCall))
        #expect(filter.architectures == [.amd64, .x86, .x32])
        #expect(
            filter.rules == [
                FilterRule("read", .allow), FilterRule("write", .allow), FilterRule("ptrace", .allow),
                FilterRule("clone", when: [ArgumentCondition(index: 0, .masked(0x7e02_0000, equal: 0))], .allow),
            ])
        #expect(filter.notes.isEmpty)
        #expect(profile.resolve(for: [], kernel: Self.kernel, native: .arm64).architectures == [.arm64])
    }

    @Test("linux.seccomp of an OCI configuration is read whole")
    func ociForm() throws {
        let profile = try Self.decode(
            """
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X86_64",
             "SCMP_ARCH_AARCH64", "SCMP_ARCH_RISCV64"], "flags": ["SECCOMP_FILTER_FLAG_LOG"],
             "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13}]}
            """)
        let filter = profile.resolve(for: [], kernel: Self.kernel, native: .amd64)
        #expect(filter.architectures == [.amd64, .x86])
        #expect(filter.flags == .logRefusals)
        #expect(filter.rules == [FilterRule("getcwd", .refuse(ErrorNumber(rawValue: 13)))])
        #expect(filter.notes.count == 1)
    }

    @Test(
        "every action is understood",
        arguments: [
            ("SCMP_ACT_KILL", .killThread), ("SCMP_ACT_KILL_THREAD", .killThread),
            ("SCMP_ACT_KILL_PROCESS", .killProcess), ("SCMP_ACT_TRAP", .trap),
            ("SCMP_ACT_ERRNO", .refuse(ErrorNumber(rawValue: 7))), ("SCMP_ACT_TRACE", .trace(7)),
            ("SCMP_ACT_ALLOW", .allow), ("SCMP_ACT_LOG", .log), ("SCMP_ACT_NOTIFY", .notify),
        ] as [(String, FilterAction)])
    func actions(name: String, action: FilterAction) throws {
        let answers = name == "SCMP_ACT_ERRNO" || name == "SCMP_ACT_TRACE"
        let number = answers ? #", "errnoRet": 7"# : ""
        let rules = try Self.rules(#"{"names": ["read"], "action": "\#(name)"\#(number)}"#)
        #expect(rules == [FilterRule("read", action)])
        if answers { return }
        for given in [#""errnoRet": 7"#, #""errno": "EPERM""#] {
            let failure = #expect(throws: Failure.self) {
                try Self.rules(#"{"names": ["read"], "action": "\#(name)", \#(given)}"#)
            }
            #expect(failure?.field == "syscalls[0].errnoRet")
        }
    }

    @Test(
        "every comparison is understood",
        arguments: [
            ("SCMP_CMP_NE", .notEqual(5)), ("SCMP_CMP_LT", .less(5)), ("SCMP_CMP_LE", .lessOrEqual(5)),
            ("SCMP_CMP_EQ", .equal(5)), ("SCMP_CMP_GE", .greaterOrEqual(5)), ("SCMP_CMP_GT", .greater(5)),
            ("SCMP_CMP_MASKED_EQ", .masked(5, equal: 4)),
        ] as [(String, ArgumentCondition.Test)])
    func comparisons(name: String, test: ArgumentCondition.Test) throws {
        let rules = try Self.rules(
            """
            {"names": ["read"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 3, "value": 5, "valueTwo": 4, "op": "\(name)"}]}
            """)
        #expect(rules == [FilterRule("read", when: [ArgumentCondition(index: 3, test)], .allow)])
    }

    @Test("the largest numbers survive")
    func largeNumbers() throws {
        let rules = try Self.rules(
            """
            {"names": ["read"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]}
            """)
        #expect(rules.first?.conditions == [ArgumentCondition(index: 0, .equal(.max))])
    }

    @Test(
        "a rule is there for the containers and kernels it asks for",
        arguments: [
            (#""includes": {"caps": ["CAP_BPF"]}"#, [], "6.1", false),
            (#""includes": {"caps": ["CAP_BPF"]}"#, [.bpf], "6.1", true),
            (#""includes": {"caps": ["CAP_BPF", "SYSLOG"]}"#, [.bpf], "6.1", false),
            (#""excludes": {"caps": ["CAP_BPF", "CAP_SYSLOG"]}"#, [.syslog], "6.1", false),
            (#""excludes": {"caps": ["CAP_BPF"]}"#, [.syslog], "6.1", true),
            (#""includes": {"minKernel": "4.8"}"#, [], "4.7", false),
            (#""includes": {"minKernel": "4.8"}"#, [], "4.8", true),
            (#""includes": {"minKernel": "4.8"}"#, [], "4.19", true),
            (#""excludes": {"minKernel": "4.8"}"#, [], "4.8", false),
            (#""excludes": {"minKernel": "4.8"}"#, [], "3.99", true),
            (#""includes": {"arches": ["amd64", "x32"]}"#, [], "6.1", true),
            (#""includes": {"arches": ["arm64"]}"#, [], "6.1", false),
            (#""excludes": {"arches": ["amd64"]}"#, [], "6.1", false),
            (#""excludes": {"arches": ["s390x"]}"#, [], "6.1", true),
            (#""includes": {}, "excludes": null"#, [], "6.1", true),
        ] as [(String, [Capability], String, Bool)])
    func hostFilters(filter: String, capabilities: [Capability], release: String, expected: Bool) throws {
        let rules = try Self.rules(
            #"{"names": ["read"], "action": "SCMP_ACT_ALLOW", \#(filter)}"#, for: CapabilitySet(capabilities),
            kernel: try #require(KernelRelease(release: release)))
        #expect(rules.count == (expected ? 1 : 0))
    }

    @Test("conditions that name one argument twice are alternatives, and the profile's author is told")
    func repeatedArgument() throws {
        let profile = try Self.decode(
            """
            {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 38, "op": "SCMP_CMP_LT"}, {"index": 0, "value": 39, "op": "SCMP_CMP_EQ"}]}]}
            """)
        let filter = profile.resolve(for: [], kernel: Self.kernel, native: .amd64)
        #expect(filter.rules.map(\.conditions.count) == [1, 1])
        #expect(filter.notes.count == 1)
    }

    @Test("a rule that only repeats the default is left out, so a later rule can allow the call")
    func repeatedDefault() throws {
        let rules = try Self.rules(
            #"{"names": ["read"], "action": "SCMP_ACT_ERRNO"}, {"names": ["read"], "action": "SCMP_ACT_ALLOW"}"#)
        #expect(rules == [FilterRule("read", .allow)])
    }

    @Test("an errno given by name wins over its number, as in podman's profiles")
    func namedErrno() throws {
        let rules = try Self.rules(
            #"{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "errno": "EINVAL"}"#)
        #expect(rules == [FilterRule("read", .refuse(ErrorNumber(rawValue: 22)))])
    }

    @Test("a profile that hands calls to a listener says so")
    func listener() throws {
        let profile = try Self.decode(
            """
            {"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/listener", "listenerMetadata": "x",
             "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_NOTIFY"}]}
            """)
        #expect(profile.resolve(for: [], kernel: Self.kernel).needsListener)
        #expect(profile.notes.isEmpty)
    }

    static func sample(_ rule: String) -> String { #"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [\#(rule)]}"# }

    @Test(
        "what is not understood is refused, and the entry is named",
        arguments: [
            ("", nil), ("[]", nil), ("{}", nil), ("{\"defaultAction\": ", nil), ("\u{0}", nil),
            (#"{"defaultAction": "SCMP_ACT_MAYBE"}"#, "defaultAction"), (#"{"defaultAction": 1}"#, "defaultAction"),
            (#"{"defaultAction": null}"#, "defaultAction"),
            (#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}"#, "defaultErrnoRet"),
            (#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": -1}"#, "defaultErrnoRet"),
            (#"{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}"#, "defaultErrnoRet"),
            (#"{"defaultAction": "SCMP_ACT_ALLOW", "surprise": 1}"#, "surprise"),
            (#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_FAST"]}"#, "flags"),
            (#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_VAX"]}"#, "architectures"),
            (
                #"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "archMap": "#
                    + #"[{"architecture": "SCMP_ARCH_X86_64"}]}"#, "archMap"
            ),
            (
                #"{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [{"architecture": "SCMP_ARCH_VAX"}]}"#,
                "archMap[0].architecture"
            ),
            (sample(#"{"action": "SCMP_ACT_ALLOW"}"#), "syscalls[0]"),
            (sample(#"{"names": [], "action": "SCMP_ACT_ALLOW"}"#), "syscalls[0]"),
            (sample(#"{"names": [""], "action": "SCMP_ACT_ALLOW"}"#), "syscalls[0]"),
            (sample(#"{"name": "a", "names": ["b"], "action": "SCMP_ACT_ALLOW"}"#), "syscalls[0]"),
            (sample(#"{"names": ["read"], "action": "ALLOW"}"#), "syscalls[0].action"),
            (sample(#"{"names": ["read"]}"#), "syscalls[0]"),
            (sample(#"{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99999}"#), "syscalls[0].errnoRet"),
            (sample(#"{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errno": "EPREM"}"#), "syscalls[0].errnoRet"),
            (sample(#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "arg": []}"#), "syscalls[0].arg"),
            (
                sample(#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["SYS_GOD"]}}"#),
                "syscalls[0].includes.caps"
            ),
            (
                sample(#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "excludes": {"arches": ["vax"]}}"#),
                "syscalls[0].excludes.arches"
            ),
            (
                sample(#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "new"}}"#),
                "syscalls[0].includes.minKernel"
            ),
            (
                sample(#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "includes": {"cap": []}}"#),
                "syscalls[0].includes.cap"
            ),
            (argument(#"{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}"#), "syscalls[0].args[0].index"),
            (argument(#"{"index": -1, "value": 0, "op": "SCMP_CMP_EQ"}"#), "syscalls[0].args[0].index"),
            (argument(#"{"index": 0, "value": 0, "op": "=="}"#), "syscalls[0].args[0].op"),
            (argument(#"{"index": 0, "value": 1.5, "op": "SCMP_CMP_EQ"}"#), "syscalls[0].args[0].value"),
            (argument(#"{"index": 0, "op": "SCMP_CMP_EQ"}"#), "syscalls[0].args[0]"),
        ] as [(String, String?)])
    func refusals(json: String, field: String?) {
        let failure = #expect(throws: Failure.self) { try Self.decode(json) }
        #expect(failure?.code == "seccomp.profile-invalid")
        if let field { #expect(failure?.field == field) }
        #expect(failure?.description.contains("sample.json") == true)
    }

    static func argument(_ entry: String) -> String {
        sample(#"{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [\#(entry)]}"#)
    }

    @Test("nesting and size are bounded")
    func bounds() {
        let deep = String(repeating: "[", count: 1 << 20)
        #expect(throws: Failure.self) { try Self.decode(deep) }
        let large = [UInt8](repeating: UInt8(ascii: " "), count: SeccompProfile.documentBytesMax + 1)
        let failure = #expect(throws: Failure.self) { try SeccompProfile.decode(json: large, name: "large") }
        #expect(failure?.code == "seccomp.profile-too-large")
        #expect(failure?.limit == "profile bytes 4194304")
    }

    @Test("a profile cut or damaged anywhere is read or refused, never more", arguments: UInt64(1)...8)
    func damaged(seed: UInt64) {
        let whole = Array(
            """
            {"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "flags": ["SECCOMP_FILTER_FLAG_LOG"],
             "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
             "syscalls": [{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1e3,
              "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
              "includes": {"caps": ["CAP_SYS_ADMIN"], "minKernel": "4.8"}, "excludes": {"arches": ["s390"]}}]}
            """.utf8)
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<400 {
            var bytes = whole
            for _ in 0...next(3) { bytes[next(bytes.count)] = UInt8(next(256)) }
            if next(4) == 0 { bytes.removeLast(next(bytes.count)) }
            do throws(Failure) {
                let profile = try SeccompProfile.decode(json: bytes, name: "damaged")
                #expect(profile.rules.allSatisfy { !$0.calls.isEmpty })
            } catch {
                #expect(error.code == "seccomp.profile-invalid")
                #expect(error.remedy != nil)
            }
        }
    }

    @Test(
        "a kernel release is read by its first two numbers",
        arguments: [
            ("6.18.3-cloud-amd64", "6.18"), ("5.10", "5.10"), ("4.8-rc1", "4.8"), ("6.1+", "6.1"), ("six", nil),
            ("6", nil), ("", nil), (".1", nil), ("6.x", nil), ("99999999999.1", nil),
        ] as [(String, String?)])
    func releases(text: String, expected: String?) {
        #expect(KernelRelease(release: text)?.description == expected)
    }
}
