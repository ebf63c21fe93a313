import Diagnostics
import SeccompCompiler
import SeccompFormat
import Testing

/// A call of x86-64 and what it is to get.
struct CallExample: Sendable, CustomTestStringConvertible {
    var call: String
    var arguments: [UInt64]
    var expected: FilterAction
    init(_ call: String, _ arguments: [UInt64], _ expected: FilterAction) {
        self.call = call
        self.arguments = arguments
        self.expected = expected
    }
    var testDescription: String { "\(call)\(arguments.map { String($0, radix: 16) }) \(expected)" }
}

/// What the default profile answers to calls whose arguments decide. Numbers are those of x86-64.
@Suite("Argument rules of the default profile")
struct ArgumentRuleTests {
    static let refused = FilterAction.refuse(.notPermitted)
    static let noFamily = FilterAction.refuse(.familyNotSupported)
    static let noProtocol = FilterAction.refuse(.protocolNotSupported)

    static let processes: [CallExample] = [
        CallExample("clone", [17], .allow), CallExample("clone", [0x3d_0f00], .allow),
        CallExample("clone", [0x0002_0000], refused), CallExample("clone", [0x0200_0000], refused),
        CallExample("clone", [0x0400_0000], refused), CallExample("clone", [0x0800_0000], refused),
        CallExample("clone", [0x1000_0000], refused), CallExample("clone", [0x2000_0000], refused),
        CallExample("clone", [0x4000_0000], refused), CallExample("clone", [0x1000_0011], refused),
        CallExample("clone", [0x80 | 17], .allow),
        CallExample("clone3", [0], .refuse(.noSuchCall)), CallExample("unshare", [0], refused),
        CallExample("setns", [0], refused),
        CallExample("personality", [0], .allow), CallExample("personality", [8], .allow),
        CallExample("personality", [0x2_0000], .allow),
        CallExample("personality", [0x2_0008], .allow), CallExample("personality", [0xffff_ffff], .allow),
        CallExample("personality", [UInt64.max], .allow), CallExample("personality", [0x4_0000], refused),
        CallExample("personality", [0x40_0000], refused), CallExample("personality", [0x1_0004_0000], refused),
    ]

    static let descriptors: [CallExample] = [
        CallExample("ioctl", [0, 0x5401], .allow), CallExample("ioctl", [0, 0x5412], refused),
        CallExample("ioctl", [0, 0x541c], refused),
        CallExample("ioctl", [0, 0x5423], refused), CallExample("ioctl", [0, 0x1_0000_5412], refused),
        CallExample("ioctl", [0, 0xffff_ffff_0000_541c], refused), CallExample("ioctl", [0x5412, 0], .allow),
        CallExample("ioctl", [0, 0x5413], .allow), CallExample("ioctl", [0, 0x5411], .allow),
    ]

    static let sockets: [CallExample] =
        [
            CallExample("socket", [1, 1, 0], .allow), CallExample("socket", [2, 2, 17], .allow),
            CallExample("socket", [10, 1, 6], .allow),
            CallExample("socket", [0x1_0000_0001, 1, 0], .allow), CallExample("socket", [16, 3, 0], .allow),
            CallExample("socket", [16, 3, 6], noProtocol), CallExample("socket", [16, 3, 9], noProtocol),
            CallExample("socket", [16, 3, 12], noProtocol), CallExample("socket", [16, 3, 15], noProtocol),
            CallExample("socket", [16, 3, 0x1_0000_0000], .allow),
            CallExample("socketpair", [1, 1, 0], .allow), CallExample("socketpair", [2, 1, 0], noFamily),
            CallExample("socketpair", [30, 1, 0], noFamily),
        ]
        + (UInt64(0)...50).filter { ![1, 2, 10, 16].contains($0) }.map { CallExample("socket", [$0, 3, 0], noFamily) }

    @Test("processes and namespaces", arguments: processes)
    func answersAboutProcesses(_ example: CallExample) throws { try check(example) }

    @Test("terminals", arguments: descriptors)
    func answersAboutTerminals(_ example: CallExample) throws { try check(example) }

    @Test("socket families", arguments: sockets)
    func answersAboutSockets(_ example: CallExample) throws { try check(example) }

    @Test(
        "the calls Docker refuses are refused here too",
        arguments: [
            "syslog", "mount", "umount2", "pivot_root", "swapon", "reboot", "sethostname", "init_module",
            "finit_module",
            "delete_module", "kexec_load", "kexec_file_load", "add_key", "request_key", "keyctl", "perf_event_open",
            "fanotify_init", "open_by_handle_at", "kcmp", "bpf", "userfaultfd", "io_uring_setup", "io_uring_enter",
            "io_uring_register", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "pidfd_getfd",
            "process_madvise", "mount_setattr", "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "iopl",
            "ioperm",
            "acct", "mbind", "set_mempolicy", "get_mempolicy", "move_pages", "migrate_pages", "listns",
            "open_tree_attr",
            "lsm_set_self_attr", "file_setattr", "process_vm_readv", "process_vm_writev", "modify_ldt",
        ])
    func refusedCalls(call: String) throws { try check(CallExample(call, [], Self.refused)) }

    @Test(
        "a capability opens the calls that Docker opens with it, and no others",
        arguments: [
            (
                "CAP_SYS_ADMIN", ["mount", "unshare", "setns", "clone3", "bpf", "fsopen"],
                ["keyctl", "ptrace", "reboot"]
            ),
            ("CAP_SYS_PTRACE", ["process_vm_readv", "kcmp", "pidfd_getfd", "process_madvise"], ["bpf", "mount"]),
            ("CAP_SYS_TIME", ["settimeofday", "clock_settime"], ["mount"]),
            ("CAP_SYS_MODULE", ["init_module", "finit_module", "delete_module"], ["kexec_load"]),
            ("CAP_DAC_READ_SEARCH", ["open_by_handle_at"], ["mount"]), ("CAP_SYS_BOOT", ["reboot"], ["kexec_load"]),
            ("CAP_BPF", ["bpf"], ["perf_event_open"]), ("CAP_PERFMON", ["perf_event_open"], ["bpf"]),
            ("CAP_SYSLOG", ["syslog"], ["mount"]), ("CAP_SYS_NICE", ["mbind", "set_mempolicy"], ["move_pages"]),
            ("CAP_SYS_RAWIO", ["iopl", "ioperm"], ["mount"]), ("CAP_SYS_CHROOT", ["chroot"], ["pivot_root"]),
        ] as [(String, [String], [String])])
    func opened(name: String, opened: [String], closed: [String]) throws {
        let capabilities = try CapabilitySet(names: [name])
        let program = try DefaultProfileTests.compiled(capabilities: capabilities)
        let strict = try DefaultProfileTests.compiled(.strict, capabilities: capabilities)
        for call in opened {
            let example = CallExample(call, [], .allow)
            #expect(try evaluate(program, example) == .allow, "\(call)")
            #expect(try evaluate(strict, example) == .allow, "\(call)")
            let without = try DefaultProfileTests.compiled(capabilities: [])
            #expect(try evaluate(without, example) != .allow, "\(call)")
        }
        for call in closed where call != "ptrace" {
            #expect(try evaluate(program, CallExample(call, [], .allow)) == Self.refused, "\(call)")
        }
    }

    @Test("strict refuses a debugger's call; default allows it")
    func strict() throws {
        let strict = try DefaultProfileTests.compiled(.strict)
        for call in ["ptrace", "vmsplice", "name_to_handle_at", "memfd_secret"] {
            #expect(try evaluate(strict, CallExample(call, [], .allow)) == Self.refused)
            #expect(try evaluate(try DefaultProfileTests.compiled(), CallExample(call, [], .allow)) == .allow)
        }
        #expect(try evaluate(strict, CallExample("read", [], .allow)) == .allow)
    }

    @Test(
        "newer calls than the C library knows are decided by number",
        arguments: [
            (451, .allow), (452, .allow), (454, .allow), (457, .allow), (458, .allow), (462, .allow), (463, .allow),
            (466, .allow), (467, refused), (469, refused), (470, refused), (471, .refuse(.noSuchCall)),
            (999, .refuse(.noSuchCall)),
        ] as [(UInt32, FilterAction)])
    func recent(number: UInt32, expected: FilterAction) throws {
        let program = try DefaultProfileTests.compiled()
        #expect(try FilterEvaluator.evaluate(program, DefaultProfileTests.call(number, argument: 0)) == expected)
    }

    private func check(_ example: CallExample) throws {
        #expect(try evaluate(try DefaultProfileTests.compiled(capabilities: []), example) == example.expected)
    }

    private func evaluate(_ program: [FilterInstruction], _ example: CallExample) throws -> FilterAction {
        guard case .number(let number) = LibraryNumbering().number(of: example.call, on: .amd64) else {
            Issue.record("\(example.call) has no number")
            return .killProcess
        }
        return try FilterEvaluator.evaluate(
            program,
            FilterEvaluator.Call(
                architecture: FilterArchitecture.amd64.auditArchitecture, number: number,
                arguments: example.arguments))
    }
}
