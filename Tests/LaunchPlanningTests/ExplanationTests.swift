import Diagnostics
import Testing

@testable import LaunchPlanning

@Suite("what is said about a plan")
struct ExplanationTests {
    static let golden = """
        before the launch
            new namespaces: user mnt pid uts time
            user ids 0-65535 inside are 200000-265535 on the host
            group ids 0-65535 inside are 300000-365535 on the host
            time offsets: monotonic -5 0, boottime -5 0
            born in the container's cgroup
            OOM score adjustment -5
            open stream:1: stream 1 of the caller
            open root: 2 layers below a writable one (nodev mapped)
            open null: the null device
            open volume:/data: host directory /srv/data (nosuid mapped)
            open exit-record: the exit record
            open log:0: log file 0
            open log:1: log file 1
        become root
           0  namespaces  become root of the user namespace
        session
           1  namespaces  begin a session
        root
           2  filesystem  make every mount private so that nothing spreads to the host
           3  filesystem  attach 2 layers below a writable one (nodev mapped) as the root
        kernel filesystems
           4  filesystem  mount proc on /proc (nosuid nodev noexec hidepid=2 created when missing no links)
        volumes
           5  filesystem  attach host directory /srv/data (nosuid mapped) on /data (created when missing)
        paths
           6  filesystem  mask /proc/kcore
           7  filesystem  seal /proc/sys (ro)
        enter root
           8  filesystem  enter the root and let go of the host's
        identity
           9  namespaces  set the host name to box
        divide
          10  resources   fork; the parent becomes init, copies output to a log of 2 × 65536 bytes
        resources
          11  resources   limit nofile to 1024:4096
          12  resources   limit core to unlimited
        terminal
          13  task        connect input to what the fork gives, else /dev/null, output to stream 1 of the caller, \
        error to what the fork gives, else /dev/null
        credentials
          14  privileges  become user 1000:100, groups 100 7; effective CHOWN; bounding CHOWN KILL; \
        inheritable nothing; ambient nothing
        working directory
          15  task        change to the working directory /srv
        no new privileges
          16  privileges  set no_new_privs
        close descriptors
          17  task        close every descriptor from 3 on at exec
        filter
          18  privileges  install the seccomp filter default (1 instructions)
        execute
          19  task        execute sh -c echo hi\\u{a} with 2 environment variables

        """

    @Test("the explanation of the sample")
    func explanation() throws {
        let text = try PlanBuilder.build(Sample.contributions).explain()
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let expected = Self.golden.split(separator: "\n", omittingEmptySubsequences: false)
        for (line, wanted) in zip(lines, expected) { #expect(line == wanted) }
        #expect(lines.count == expected.count)
    }

    @Test("no value of an environment variable is ever shown")
    func secretsStaySecret() throws {
        let plan = try PlanBuilder.build(Sample.contributions)
        #expect(!plan.explain().contains("hunter2"))
        let report = LauncherReport(kind: .failed, step: 20, error: 7, detail: 0)
        #expect(!report.sentence(in: plan).contains("hunter2"))
    }

    @Test("every step has a sentence of its own, one line long")
    func everyStepIsExplained() {
        let sentences = Sample.everyStep.map { Sample.everyPlan.sentence(for: $0) }
        #expect(Set(sentences).count == sentences.count)
        for sentence in sentences {
            #expect(!sentence.isEmpty && !sentence.contains("\n") && !sentence.contains("Step"))
        }
    }

    @Test("for programs the explanation is the steps by number")
    func explanationAsValue() throws {
        let explanation = try PlanBuilder.build(Sample.contributions).explanation
        #expect(explanation.steps.map(\.number) == Array(0...19))
        #expect(explanation.steps[18] == PlanExplanation.Step(
            number: 18, stage: "filter", isolator: "privileges",
            does: "install the seccomp filter default (1 instructions)"))
    }
}

@Suite("what the launcher reports, in words")
struct LauncherReportTests {
    private func words(step: UInt32, error: Int32, detail: LauncherReport.Part = .whole) throws -> String {
        let plan = try PlanBuilder.build(Sample.contributions)
        return LauncherReport(kind: .failed, step: step, error: error, detail: detail.rawValue).sentence(in: plan)
    }

    @Test("a failed step names what was tried, the isolator, the place and the kernel's answer")
    func stepFailed() throws {
        #expect(try words(step: 4, error: 16, detail: .attach) == """
            cannot mount proc on /proc (nosuid nodev noexec hidepid=2 created when missing no links): the kernel \
            answered EBUSY (16) when it was attached (step 4 of isolator filesystem)
            """)
        #expect(try words(step: 4, error: 40, detail: .resolve).hasSuffix(
            "(step 4 of isolator filesystem); the image has a symbolic link where none may be"))
        #expect(try words(step: 11, error: 1) ==
            "cannot limit nofile to 1024:4096: the kernel answered EPERM (1) (step 11 of isolator resources)")
    }

    @Test("what has no place in something read-only is told what would make it one")
    func missingPlace() throws {
        #expect(try words(step: 5, error: 30, detail: .create) == """
            cannot attach host directory /srv/data (nosuid mapped) on /data (created when missing): the kernel \
            answered EROFS (30) when the target was created (step 5 of isolator filesystem); its place is missing in \
            what is mounted read-only above it: make it there first, or mount that without ro
            """)
        #expect(try !words(step: 5, error: 30, detail: .attach).contains("its place is missing"))
    }

    @Test("a program that cannot run has a code, the program and a remedy")
    func programFailed() throws {
        #expect(try words(step: 19, error: 2) == """
            cannot execute sh: ENOENT (2); name a program of the image, by its full path if it is not in PATH
            """)
        #expect(try words(step: 19, error: 8).hasPrefix("cannot execute sh: ENOEXEC (8); use an image for this"))
        #expect(try words(step: 19, error: 7).hasPrefix("cannot execute sh: E2BIG (7); shorten arguments or env"))
        #expect(try words(step: 15, error: 13, detail: .open) == """
            cannot change to the working directory /srv: EACCES (13); choose a directory the task's user can enter
            """)
    }

    @Test(
        "what is no step is said too",
        arguments: [
            (LauncherReport.decodeStep, "launch.plan-refused"), (LauncherReport.releaseStep, "launch.not-released"),
            (20, "launch.not-released"),
        ] as [(UInt32, String)])
    func noStep(step: UInt32, code: String) throws {
        let plan = try PlanBuilder.build(Sample.contributions)
        let failure = LauncherReport(kind: .failed, step: step, error: 74, detail: 3).failure(in: plan)
        #expect(failure.code.rawValue == code)
    }

    @Test("a report is read from its bytes, and nothing else is a report")
    func decoding() throws {
        let bytes: [UInt8] = [1, 0, 0, 0, 4, 3, 0, 0, 0xff, 0xff, 0xff, 0xff, 7, 0, 0, 0]
        #expect(try LauncherReport(bytes: bytes) == LauncherReport(kind: .failed, step: 772, error: -1, detail: 7))
        #expect(throws: Failure.self) { try LauncherReport(bytes: Array(bytes.dropLast())) }
        #expect(throws: Failure.self) { try LauncherReport(bytes: bytes + [0]) }
        #expect(throws: Failure.self) { try LauncherReport(bytes: [6] + bytes.dropFirst()) }
    }
}
