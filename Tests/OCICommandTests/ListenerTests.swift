import Diagnostics
import LinuxKernel
import RuntimeSpec
import Testing

@Suite("calls that a bundle hands to somebody else's listener")
struct ListenerTests {
    private static let metadata = "for whom it may concern"

    private static func handing(_ calls: [String], to path: String?, flags: [String] = []) -> SpecValue {
        var section = SpecValue.noMembers
        section["defaultAction"] = "SCMP_ACT_ALLOW"
        section["flags"] = .strings(flags)
        if let path {
            section["listenerPath"] = .string(path)
            section["listenerMetadata"] = .string(metadata)
        }
        section["syscalls"] = [["names": .strings(calls), "action": "SCMP_ACT_NOTIFY"]]
        return .object(section)
    }

    private static let making = ["mkdir", "mkdirat"]
    private static let script = "mkdir /a 2>&1; mkdir /b && test ! -e /b && echo said"
    /// By its own name for the errno, ENOMEDIUM.
    private static let seen = "mkdir: can't create directory '/a': No medium found\nsaid\n"

    /// The configuration names a socket in the bundle's own place, which is known only when there is one.
    private func bundle(
        _ script: String, listener: String = "agent", _ section: (String) -> SpecValue = { handing(making, to: $0) }
    ) throws -> TestBundle {
        let bundle = try TestBundle.running("mkdir() { busybox mkdir \"$@\"; }; \(script)")
        guard case .object(var members) = bundle.configuration else { return bundle }
        TestBundle.set(&members, ["linux", "seccomp"], section("\(bundle.place)/\(listener)"))
        try bundle.write(SpecValue.object(members).text, "config.json")
        return bundle
    }

    private func check(_ state: SpecObject, _ bundle: TestBundle, status: String) throws {
        #expect(try state.string("ociVersion") == RuntimeState.version)
        #expect(try state.strings("fds") == ["seccompFd"])
        #expect(try state.string("metadata") == Self.metadata)
        let inner = try #require(try state.object("state"))
        #expect(try inner.string("id") == TestBundle.id)
        #expect(try inner.string("bundle") == bundle.place)
        #expect(try inner.string("status") == status)
        #expect(try state.integer("pid", as: Int32.self) ?? 0 > 0)
    }

    @Test("run: the listener gets the state of the process, and its answers are what the process sees")
    func run() throws {
        let bundle = try bundle(Self.script)
        let agent = try CallAgent(in: bundle.place, answers: ["123", "0"])
        let answer = try bundle.run()
        #expect(answer.output == Self.seen, "\(answer.errors)")
        #expect(answer.status == 0)
        let states = try agent.received()
        #expect(states.count == 1)
        for state in states { try check(state, bundle, status: "created") }
        try agent.end()
        try bundle.remove()
    }

    @Test("create and start: nothing is handed over before the start, and the process is the container's")
    func createdAndStarted() throws {
        let bundle = try bundle("{ \(Self.script); } > /out")
        let agent = try CallAgent(in: bundle.place, answers: ["123", "0"])
        #expect(try bundle.create().status == 0)
        #expect(!HostFacts.exists("\(bundle.place)/states"))
        let process = try bundle.state().integer("pid", as: Int32.self)
        let start = try bundle.call("start", TestBundle.id)
        #expect(start.status == 0, "\(start.errors)")
        try bundle.waitUntilStopped()
        #expect(try bundle.read("rootfs/out") == Self.seen)
        let state = try #require(try agent.received().first)
        #expect(try state.integer("pid", as: Int32.self) == process)
        #expect(try state.object("state")?.integer("pid", as: Int32.self) == process)
        try agent.end()
        try bundle.remove()
    }

    @Test("exec: the process has a filter of its own, and the listener is told of that one too")
    func exec() throws {
        let bundle = try bundle("sleep 600")
        let agent = try CallAgent(in: bundle.place, answers: ["123"])
        #expect(try bundle.create().status == 0)
        #expect(try bundle.call("start", TestBundle.id).status == 0)
        let answer = try bundle.call("exec", TestBundle.id, "busybox", "mkdir", "/a")
        #expect(answer.errors == "mkdir: can't create directory '/a': No medium found\n")
        #expect(answer.status == 1)
        let states = try agent.received()
        #expect(states.count == 2)
        let last = try #require(states.last)
        try check(last, bundle, status: "running")
        let first = try bundle.state().integer("pid", as: Int32.self)
        #expect(try last.object("state")?.integer("pid", as: Int32.self) == first)
        #expect(try last.integer("pid", as: Int32.self) != first)
        try agent.end()
        try bundle.remove()
    }

    @Test("even when every call is handed over, the program is executed and comes to its end")
    func everyCall() throws {
        let bundle = try bundle("echo through") { path in
            ["defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": .string(path)]
        }
        let agent = try CallAgent(in: bundle.place, answers: ["continue"])
        let answer = try bundle.run()
        #expect(answer.output == "through\n", "\(answer.errors)")
        #expect(answer.status == 0)
        try agent.end()
        try bundle.remove()
    }

    private func seccompFeatures() throws -> SpecObject {
        let scratch = try TestBundle()
        let text = try scratch.call("features").output
        try scratch.remove()
        let document = try SpecObject(parsing: Array(text.utf8), document: "the features")
        return try #require(try document.object("linux")?.object("seccomp"))
    }

    @Test("every flag that `features` calls supported is taken by the kernel, with a listener and without")
    func flags() throws {
        let flags = try seccompFeatures().strings("supportedFlags")
        #expect(flags.contains("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"))
        for flag in flags {
            let handing = try bundle("mkdir /a 2>&1") { Self.handing(Self.making, to: $0, flags: [flag]) }
            let agent = try CallAgent(in: handing.place, answers: ["123"])
            let answer = try handing.run()
            #expect(answer.output.hasSuffix("No medium found\n"), "\(flag): \(answer)")
            try agent.end()
            try handing.remove()
            let refusing = try bundle("mkdir /a") { _ in
                ["defaultAction": "SCMP_ACT_ALLOW", "flags": .strings([flag]), "syscalls": Self.rule("SCMP_ACT_ERRNO")]
            }
            #expect(try refusing.run().status == 0, "\(flag)")
            try refusing.remove()
        }
    }

    /// About a call that the program does not make.
    private static func rule(_ action: String) -> SpecValue { [["names": ["swapon"], "action": .string(action)]] }

    @Test("every action that `features` names is taken by the kernel, the one for a listener among them")
    func actions() throws {
        let actions = try seccompFeatures().strings("actions")
        #expect(actions.contains("SCMP_ACT_NOTIFY"))
        for action in actions where action != "SCMP_ACT_ALLOW" {
            let bundle = try bundle("grep Seccomp: /proc/self/status") { path in
                [
                    "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": .string(path), "syscalls": Self.rule(action),
                ]
            }
            let agent = try CallAgent(in: bundle.place, answers: ["1"])
            let answer = try bundle.run()
            #expect(answer.output == "Seccomp:\t2\n", "\(action): \(answer)")
            // No call was answered, so the agent may still be about to look.
            try Deadline(seconds: 120).wait("the agent to be told") { HostFacts.exists("\(bundle.place)/states") }
            try agent.end()
            try bundle.remove()
        }
    }

    @Test("a listener that is not there is refused when the container is created, by its path")
    func missing() throws {
        for (name, word) in [("agent", "no socket at"), ("config.json", "no socket at")] {
            let bundle = try bundle("echo ran", listener: name)
            for verb in ["create", "run"] {
                let answer = try bundle.call(verb, "--bundle", bundle.place, TestBundle.id)
                #expect(answer.status == 1)
                #expect(answer.errors.contains("linux.seccomp.listenerPath"), "\(answer.errors)")
                #expect(answer.errors.contains("\(word) \(bundle.place)/\(name)"), "\(answer.errors)")
                #expect(answer.output.isEmpty)
            }
            #expect(try bundle.call("list", "--quiet").output.isEmpty)
            try bundle.remove()
        }
        let nameless = try bundle("true") { _ in Self.handing(Self.making, to: nil) }
        let answer = try nameless.run()
        #expect(answer.status == 1)
        #expect(answer.errors.contains("linux.seccomp.listenerPath"), "\(answer.errors)")
        try nameless.remove()
    }

    @Test("whoever waits for a listener gets it also of a filter that hands nothing over, and need not be there")
    func needless() throws {
        let bundle = try bundle("echo ran") { ["defaultAction": "SCMP_ACT_ALLOW", "listenerPath": .string($0)] }
        #expect(try bundle.run().output == "ran\n")
        let agent = try CallAgent(in: bundle.place, answers: ["1"])
        #expect(try bundle.run().output == "ran\n")
        try Deadline(seconds: 120).wait("the agent to be told") { HostFacts.exists("\(bundle.place)/states") }
        try agent.end()
        #expect(try bundle.run().output == "ran\n")
        try bundle.remove()
    }

    @Test("a socket that nobody listens at any more: the program never runs, and nothing is left waiting")
    func deaf() throws {
        let bundle = try bundle("echo ran > /ran")
        let agent = try CallAgent(in: bundle.place, answers: ["1"])
        #expect(try bundle.create().status == 0)
        try agent.end()
        let start = try bundle.call("start", TestBundle.id)
        #expect(start.status == 1)
        #expect(start.errors.contains("hand over the seccomp listener \(bundle.place)/agent"), "\(start.errors)")
        #expect(start.errors.contains("Connection refused") || start.errors.contains("ECONNREFUSED"))
        try bundle.waitUntilStopped()
        #expect(try bundle.call("delete", TestBundle.id).status == 0)
        let run = try bundle.run()
        #expect(run.status == 1)
        #expect(try bundle.call("list", "--quiet").output.isEmpty)
        #expect(!HostFacts.exists("\(bundle.place)/rootfs/ran"))
        try bundle.remove()
    }
}
