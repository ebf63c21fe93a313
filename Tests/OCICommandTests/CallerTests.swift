import LinuxKernel
import RuntimeSpec
import Testing

@Suite("what a container has of its caller")
struct CallerTests {
    /// Runs `words`, the last of which is a command of the program, by another one that changes what it is called with.
    private func run(_ bundle: TestBundle, by words: [String]) throws -> ProgramAnswer {
        try ProgramAnswer.of(
            words[0],
            Array(words.dropFirst()) + [
                TestBundle.program, "--root", "\(bundle.place)/state", "--log", "\(bundle.place)/log", "run",
                "--bundle", bundle.place, TestBundle.id,
            ], environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
    }

    @Test(
        "groups of the caller are kept where an annotation says so, and only then",
        arguments: [("1", "7 9 11"), ("0", "11"), (nil, "11")] as [(String?, String)])
    func groups(annotation: String?, groups: String) throws {
        let bundle = try TestBundle.running("grep Groups: /proc/self/status") {
            TestBundle.set(&$0, ["process", "user", "additionalGids"], [11])
            if let annotation {
                TestBundle.set(&$0, ["annotations", "run.oci.keep_original_groups"], .string(annotation))
            }
        }
        let answer = try run(bundle, by: ["/usr/bin/setpriv", "--groups", "9,7"])
        #expect(answer.output.split(whereSeparator: \.isWhitespace).dropFirst().joined(separator: " ") == groups)
        try bundle.remove()
    }

    @Test("a capability that the caller does not hold is not given, the rest is, and the log says so")
    func capabilities() throws {
        let bundle = try TestBundle.running("grep -E 'Cap(Eff|Bnd):' /proc/self/status")
        let answer = try run(
            bundle,
            by: ["/usr/bin/setpriv", "--inh-caps", "-audit_write", "--bounding-set", "-audit_write"])
        #expect(answer.status == 0, "\(answer.errors)")
        let sets = answer.output.split(whereSeparator: \.isWhitespace)
        #expect(sets == ["CapEff:", "0000000000000420", "CapBnd:", "0000000000000420"], "\(answer.output)")
        #expect(try bundle.read("log").contains("CAP_AUDIT_WRITE is not given"))
        try bundle.remove()
    }

    private static let life = """
        P="$1 --root $2/state --log $2/log"; $P create --bundle $2 one < /dev/null; $P start one
        awk -v place="$2/rootfs" 'index($5, place) == 1' /proc/self/mountinfo | wc -l
        $P exec one sh -c 'test -d /proc/1 -a ! -e /usr && echo inside; readlink /proc/self/ns/mnt'
        readlink /proc/self/ns/mnt
        mount -t tmpfs over "$2/state/.roots/one"; mount -t tmpfs over "$2/state/.roots/one"
        $P delete --force one
        grep -c "$2" /proc/self/mountinfo || true
        ls -A $2/state/.roots
        """

    @Test(
        "without a mount namespace, or with the caller's by its path, the caller finds nothing changed afterwards",
        arguments: [nil, ["type": "mount", "path": "/proc/self/ns/mnt"]] as [SpecValue?], ["private", "shared"])
    func mounts(_ given: SpecValue?, propagation: String) throws {
        let bundle = try TestBundle.running("sleep 600") { members in
            guard case .object(let linux)? = members["linux"], case .array(let namespaces)? = linux["namespaces"]
            else { return }
            let others = namespaces.filter { $0 != ["type": "mount"] }
            TestBundle.set(&members, ["linux", "namespaces"], .array(others + [given].compactMap(\.self)))
            TestBundle.set(&members, ["process", "capabilities", "bounding"], ["CAP_SYS_CHROOT"])
            TestBundle.set(&members, ["process", "capabilities", "permitted"], [])
            TestBundle.set(&members, ["process", "capabilities", "effective"], [])
        }
        // The mounts are nobody else's business while the test runs.
        let answer = try ProgramAnswer.of(
            "/usr/bin/unshare",
            ["--mount", "--propagation", propagation, "sh", "-ec", Self.life, "sh", TestBundle.program, bundle.place],
            environment: ["BULKHEAD_LAUNCHER=\(TestBundle.launcher)", "PATH=/usr/bin:/bin"])
        #expect(answer.errors.isEmpty)
        let lines = answer.output.split(separator: "\n")
        try #require(lines.count == 5, "\(answer)")
        #expect(lines[0] == "0" && lines[1] == "inside" && lines[2] == lines[3] && lines[4] == "0", "\(lines)")
        #expect(try bundle.read("log").contains("without a mount namespace CAP_SYS_CHROOT reaches the host's files"))
        try bundle.remove()
    }

    @Test("a user namespace without a mount namespace is refused")
    func userNamespace() throws {
        let bundle = try TestBundle.running("true") { members in
            TestBundle.set(&members, ["linux", "namespaces"], [["type": "user"], ["type": "pid"]])
            let map: SpecValue = [["containerID": 0, "hostID": 300_000, "size": 65_536]]
            TestBundle.set(&members, ["linux", "uidMappings"], map)
            TestBundle.set(&members, ["linux", "gidMappings"], map)
            members["hostname"] = nil
        }
        let answer = try bundle.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("needs a mount namespace of its own"), "\(answer.errors)")
        try bundle.remove()
    }
}
