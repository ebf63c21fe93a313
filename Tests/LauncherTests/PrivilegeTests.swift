import Glibc
import LaunchPlanning
import LinuxKernel
import Testing

@Suite("who the task is and what it may do")
struct PrivilegeTests {
    private func run(_ before: [Step], _ ending: [Step]) throws -> (Outcome, LaunchPlan) {
        var trial = Trial([])
        let output = try trial.pipe("out")
        trial.steps = [.standardStreams(input: nil, output: "out", error: "out")] + before + ending
        let plan = trial.plan
        return (try trial.run(output: output), plan)
    }

    private func status(_ before: [Step], fields: String) throws -> [String: String] {
        let (outcome, plan) = try run(before, Trial.shell("busybox grep -E '^(\(fields)):' /proc/self/status"))
        try #require(outcome.failure == nil, "\(outcome.failure.map { $0.sentence(in: plan) } ?? "")")
        return Dictionary(
            uniqueKeysWithValues: outcome.output.split(separator: "\n").map { line in
                let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
                return (parts[0], parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " "))
            })
    }

    @Test("every value of the credentials is what the plan says")
    func credentialsHold() throws {
        let facts = try status(
            [
                .credentials(
                    Credentials(
                        uid: 1_234, gid: 567, groups: [9, 7, 567], bounding: 0xe1, effective: 0x20, permitted: 0x60,
                        inheritable: 0x40, ambient: 0x40))
            ], fields: "Uid|Gid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb")
        #expect(facts["Uid"] == "1234 1234 1234 1234")
        #expect(facts["Gid"] == "567 567 567 567")
        #expect(facts["Groups"] == "7 9 567")
        #expect(facts["CapBnd"] == "00000000000000e1")
        #expect(facts["CapAmb"] == "0000000000000040")
        // A user other than root keeps only its ambient capabilities over exec, capabilities(7).
        #expect(facts["CapPrm"] == "0000000000000040")
        #expect(facts["CapInh"] == "0000000000000040")
    }

    @Test("root without capabilities has none, in no set")
    func nothingHeld() throws {
        let none = Credentials(
            uid: 0, gid: 0, groups: [], bounding: 0, effective: 0, permitted: 0, inheritable: 0, ambient: 0)
        let facts = try status([.credentials(none)], fields: "Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb")
        #expect(facts["Groups"] == "")
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(facts[set] == "0000000000000000") }
    }

    @Test(
        "what the kernel does not give refuses the launch",
        arguments: [
            // A bounding set with a capability no kernel has.
            (Credentials(
                uid: 0, gid: 0, groups: [], bounding: 1 << 60, effective: 0, permitted: 0, inheritable: 0, ambient: 0),
                LauncherReport.Part.verify),
            // An ambient capability that is not inheritable.
            (Credentials(
                uid: 0, gid: 0, groups: [], bounding: 1, effective: 1, permitted: 1, inheritable: 0, ambient: 1),
                .configure),
            // An effective capability that is not permitted.
            (Credentials(
                uid: 0, gid: 0, groups: [], bounding: 3, effective: 2, permitted: 1, inheritable: 0, ambient: 0),
                .configure),
        ])
    func refusedCredentials(credentials: Credentials, part: LauncherReport.Part) throws {
        let (outcome, _) = try run([.credentials(credentials)], Trial.shell("true"))
        #expect(outcome.failure == LauncherReport(kind: .failed, step: 1, error: EPERM, detail: part.rawValue))
    }

    @Test("no_new_privs, limits and the umask are in force")
    func smallSettings() throws {
        let facts = try status([.noNewPrivileges], fields: "NoNewPrivs")
        #expect(facts["NoNewPrivs"] == "1")
        let (outcome, _) = try run(
            [
                .limit(ResourceLimit(resource: 7, soft: 20, hard: 30)), .setUmask(0o27),
                .beginSession(parentDeathSignal: 0),
            ],
            Trial.shell(
                "ulimit -Sn; ulimit -Hn; umask; cut -d' ' -f6 /proc/$$/stat; echo $$"))
        let lines = outcome.output.split(separator: "\n")
        try #require(lines.count == 5, "\(outcome)")
        #expect(lines[..<3] == ["20", "30", "0027"])
        #expect(lines[3] == lines[4], "the task leads its session")
    }

    @Test("a limit above the hard one is refused")
    func refusedLimit() throws {
        let limit = Step.limit(ResourceLimit(resource: 7, soft: 40, hard: 30))
        let (outcome, _) = try run([limit], Trial.shell("true"))
        #expect(outcome.failure == LauncherReport(kind: .failed, step: 1, error: EINVAL, detail: 0))
    }

    /// Allows everything but system call `number`, which ends as `action` says.
    private func filter(_ number: UInt32, _ action: UInt32) -> FilterProgram {
        let program: [(UInt16, UInt8, UInt8, UInt32)] = [
            (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, action), (0x06, 0, 0, 0x7fff_0000),
        ]
        let bytes = program.flatMap { code, yes, no, value in
            withUnsafeBytes(of: code.littleEndian, Array.init) + [yes, no]
                + withUnsafeBytes(of: value.littleEndian, Array.init)
        }
        return FilterProgram(bytes: bytes, name: "test")
    }

    @Test("the filter is in force in the task")
    func filterHolds() throws {
        let noUname = filter(SystemCall.uname, 0x8000_0000)
        let (outcome, _) = try run(
            [.noNewPrivileges, .closeDescriptors(keep: 0), .installFilter(flags: 0, program: noUname)],
            [.execute(arguments: ["/bin/busybox", "uname"], environment: [])])
        #expect(outcome.failure == nil)
        #expect(outcome.end == .signaled(SIGSYS))
    }

    @Test("what fails under the filter is still reported")
    func reportedUnderFilter() throws {
        let noExec = filter(SystemCall.execve, 0x5_0000 | UInt32(EPERM))
        let (outcome, _) = try run(
            [.noNewPrivileges, .closeDescriptors(keep: 0), .installFilter(flags: 0, program: noExec)],
            [.execute(arguments: ["/bin/busybox"], environment: [])])
        #expect(outcome.failure == LauncherReport(kind: .failed, step: 4, error: EPERM, detail: 0))
        #expect(outcome.end == .exited(126))
    }

    @Test("a filter without no_new_privs needs a privilege the task does not have")
    func filterNeedsNoNewPrivileges() throws {
        let none = Credentials(
            uid: 1, gid: 1, groups: [], bounding: 0, effective: 0, permitted: 0, inheritable: 0, ambient: 0)
        let (outcome, _) = try run(
            [.credentials(none), .closeDescriptors(keep: 0),
                .installFilter(flags: 0, program: filter(SystemCall.uname, 0x5_0001))],
            [.execute(arguments: ["/bin/busybox"], environment: [])])
        #expect(outcome.failure == LauncherReport(kind: .failed, step: 3, error: EACCES, detail: 0))
    }

    @Test("the session keyring is a new, empty one")
    func ownKeyring() throws {
        func keyrings(_ steps: [Step]) throws -> Set<Substring> {
            let (outcome, plan) = try run(steps, Trial.shell("grep _ses /proc/keys | cut -d ' ' -f 1"))
            #expect(outcome.failure == nil, "\(outcome.failure.map { $0.sentence(in: plan) } ?? "")")
            return Set(outcome.output.split(separator: "\n"))
        }
        // Everybody's are listed, and other tests' come and go: so it must be so each time, and not without the step
        // in a moment in which no other test makes one, however long that takes to come.
        let deadline = Deadline(seconds: 120)
        var (rounds, isQuiet) = (0, false)
        while rounds < 10 || !isQuiet && !deadline.hasPassed {
            let before = try keyrings([])
            if try keyrings([]).isSubset(of: before) { isQuiet = true }
            #expect(try !keyrings([.newKeyring]).isSubset(of: before))
            rounds += 1
        }
        #expect(isQuiet, "a new one in each of \(rounds) rounds without the step")
    }
}

/// Numbers of syscalls(2), which the Glibc module does not carry.
private enum SystemCall {
    #if arch(x86_64)
    static let uname: UInt32 = 63
    static let execve: UInt32 = 59
    #else
    static let uname: UInt32 = 160
    static let execve: UInt32 = 221
    #endif
}
