import Containers
import LinuxKernel
import Testing

/// The kernel surface a container sees, attempt by attempt (security facts, section 1.4).
@Suite("A container cannot get out", .serialized)
struct EscapeTests {
    @Test("neither root nor another user inside can", arguments: EscapeTable.all)
    func blocked(_ attempts: Attempts) throws {
        let host = try TestHost.withProbe()
        for user: UInt32 in [0, 1_000] {
            let outcome = try host.run([Probe.program] + attempts.names) {
                $0.process.uid = user
                $0.process.gid = user
            }
            let verdicts = Verdict.parse(outcome.output)
            for name in attempts.names {
                #expect(
                    attempts.answers.contains(verdicts[name]?.description ?? "nothing"),
                    "\(name) as user \(user): \(verdicts[name]?.description ?? "no answer")")
            }
        }
    }

    @Test("outside a container the same attempts get further, so it is the walls that stop them")
    func control() throws {
        let answers = try Probe.control(EscapeTable.all.flatMap(\.reachKernel))
        for attempts in EscapeTable.all {
            for name in attempts.reachKernel {
                let answer = answers[name]?.description ?? "nothing"
                #expect(!attempts.answers.contains(answer) && answer != "nothing", "\(name): \(answer)")
            }
        }
    }

    @Test("the table holds every attempt the probe knows but the few that a container may make")
    func complete() throws {
        let host = try TestHost.withProbe()
        let known = Set(try host.probeAll().keys)
        let harmless: Set = [
            "netlink-route", "tcp", "dev-null", "setuid-root", "init-fds", "init-fd-3", "init-map-files",
        ]
        let tried = Set(EscapeTable.all.flatMap(\.names))
        #expect(known.subtracting(tried) == harmless)
        #expect(tried.subtracting(known).isEmpty)
        #expect(tried.count >= 180)
    }

    @Test("what every program needs works")
    func needed() throws {
        let host = try TestHost.withProbe()
        let outcome = try host.run([Probe.program, "netlink-route", "tcp", "dev-null"])
        #expect(Set(Verdict.parse(outcome.output).values) == [.open])
    }

    @Test("root's files of process 1 are listed to root inside and still lead nowhere")
    func initDescriptors() throws {
        let host = try TestHost()
        let outcome = try host.shell(
            """
            for f in /proc/1/fd/* /proc/1/map_files/*; do
              [ "$f" = '/proc/1/fd/*' ] || [ "$f" = '/proc/1/map_files/*' ] && continue
              cat < "$f" > /dev/null 2>&1 && echo "read $f"
              ( exec 9>> "$f" ) 2> /dev/null && echo "wrote $f"
              readlink "$f" > /dev/null 2>&1 && echo "resolved $f"
            done
            echo done
            """)
        #expect(outcome.output == "done\n")
    }

    @Test("another user cannot become root again, with a setuid program or without")
    func setuid() throws {
        let host = try TestHost.withProbe()
        let root = try OwnedDescriptor.open(RawPath(host.layer), [.directory])
        try root.changeMode(of: "bin/bulkhead-probe", 0o6755)
        let outcome = try host.shell("/bin/bulkhead-probe setuid-root") {
            $0.process.uid = 1_000
            $0.process.gid = 1_000
        }
        #expect(Verdict.parse(outcome.output)["setuid-root"] == .blocked("EPERM"))
        let nowhere = try host.shell("grep -E '^(Uid|Gid|CapEff|CapPrm):' /proc/self/status") {
            $0.process.uid = 1_000
            $0.process.gid = 1_000
        }
        #expect(nowhere.output.contains("Uid:\t1000\t1000\t1000\t1000"))
        #expect(nowhere.output.contains("CapEff:\t0000000000000000"))
    }
}
