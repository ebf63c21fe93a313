import Diagnostics

/// What a step does, in words a person can check. Untrusted text is escaped; the values of environment variables are
/// never shown, they are where secrets are.
extension LaunchPlan {
    /// An imperative such as "mount proc on /proc (nosuid nodev noexec)"; also the end of "cannot …".
    func sentence(for step: Step) -> String {
        switch step {
        case .join(let name, let types):
            "join \(types.isEmpty ? "a namespace" : "namespaces \(types.names)") of \(source(name))"
        case .unshare(let set): "make new namespaces \(set.names)"
        case .becomeRoot: "become root of the user namespace"
        case .beginSession(let signal):
            signal == 0 ? "begin a session" : "begin a session, signal \(signal) when the parent dies"
        case .setUmask(let mask): "set the umask to 0\(String(mask, radix: 8))"
        case .propagation(let kind): "make every mount \(kind) so that nothing spreads to the host"
        case .setHostname(let name): "set the host name to \(shown(name))"
        case .setDomainname(let name): "set the domain name to \(shown(name))"
        case .sysctl(let name, let value):
            "set sysctl \(shown(name.cut(at: "/").joined(separator: "."))) to \(shown(value))"
        case .limit(let limit): "limit \(limit.name) to \(limit.values)"
        case .loopbackUp: "bring the loopback interface up"
        case .newKeyring: "take an empty session keyring"
        case .noNewPrivileges: "set no_new_privs"
        case .workingDirectory(let path): "change to the working directory \(shown(path))"
        case .closeDescriptors(let keep, _): "close every descriptor from \(3 + keep) on at exec"
        case .installFilter(_, let program):
            "install the seccomp filter \(shown(program.name)) (\(program.instructionCount) instructions)"
        case .confineWrites(let paths):
            "let Landlock deny writing but below \(paths.isEmpty ? "nothing" : paths.map(shown).joined(separator: " "))"
        case .placeDevice(let placement):
            "place a device for user \(placement.uid):\(placement.gid)"
        case .attachRoot, .mount, .attach, .sealPath, .mask, .makeDirectory, .rootAttributes, .enterRoot:
            filesystemSentence(for: step)
        case .divide, .terminal, .standardStreams, .credentials, .execute: taskSentence(for: step)
        case .setPropagation, .setAttributes, .makeNode, .makeLink, .runHook, .awaitStart, .bindConsole, .schedule,
            .ioPriority, .personality, .memoryPolicy, .detach, .enterDirectory, .findProgram, .changeRoot, .takeRoot,
            .ownStreams, .listeningFilter, .setLabel:
            bundleSentence(for: step)
        }
    }

    private func filesystemSentence(for step: Step) -> String {
        switch step {
        case .attachRoot(let tree, _): "attach \(source(tree)) as the root"
        case .mount(let type, let target, let attributes, let rules, let options):
            "mount \(shown(type)) on \(shown(target))"
                + parenthesis(attributes.names + options.map(shown) + rules.names)
        case .attach(let tree, let target, _, let rules):
            "attach \(source(tree)) on \(shown(target))" + parenthesis(rules.names)
        case .sealPath(let path, let attributes, _):
            "seal \(shown(path))" + parenthesis(attributes.names)
        case .mask(let path, _): "mask \(shown(path))"
        case .makeDirectory(let path, let mode, let uid, let gid):
            "make the directory \(shown(path)) (mode 0\(String(mode, radix: 8)), owner \(uid):\(gid))"
        case .rootAttributes(let set, let clear, let recursive):
            "set the root's mount attributes"
                + parenthesis(set.names + clear.names.map { "not \($0)" } + (recursive ? ["recursively"] : []))
        default: "enter the root and let go of the host's"
        }
    }

    private func taskSentence(for step: Step) -> String {
        switch step {
        case .divide(let division): division.sentence
        case .terminal(let rows, let columns, let uid, _):
            "open a terminal of \(rows) rows and \(columns) columns for user \(uid)"
        case .standardStreams(let input, let output, let error):
            "connect input to \(stream(input)), output to \(stream(output)), error to \(stream(error))"
        case .credentials(let credentials): credentials.sentence
        case .execute(let arguments, let environment):
            "execute \(arguments.map(shown).joined(separator: " ")) with \(environment.count) environment variables"
        default: "\(step)"
        }
    }

    private func shown(_ text: String) -> String { Untrusted.shown(text) }

    private func stream(_ name: DescriptorName?) -> String { name.map(source) ?? "what the fork gives, else /dev/null" }

    private func parenthesis(_ words: [String]) -> String { withWords("", words) }

    /// What is behind a descriptor, in words.
    func source(_ name: DescriptorName) -> String { descriptors[name].map(\.sentence) ?? shown(name.text) }
}

private func withWords(_ sentence: String, _ words: [String]) -> String {
    words.isEmpty ? sentence : "\(sentence) (\(words.joined(separator: " ")))"
}

extension DescriptorSource {
    var sentence: String {
        switch self {
        case .rootTree(let tree): tree.sentence
        case .bundleTree(let tree): tree.sentence
        case .bundleNode(let node): "a node of device \(node.major):\(node.minor)"
        case .memory(let name, _): "the text \(Untrusted.shown(name))"
        case .directory(let path): Untrusted.shown(path)
        case .startSocket: "the socket to be started by"
        case .inherited(let number): "descriptor \(number) of the caller"
        case .hostTree(let path, let kind, let attributes, _, let mapped, _):
            withWords("host \(kind) \(Untrusted.shown(path))", attributes.names + (mapped ? ["mapped"] : []))
        case .generatedFile(let name, _, _): "generated file \(Untrusted.shown(name))"
        case .secretFile(let name, _, let uid, let gid, let mode):
            "secret \(Untrusted.shown(name)) in memory (mode 0\(String(mode, radix: 8)), owner \(uid):\(gid))"
        case .deviceTree(let nodes, _): "a device directory with \(nodes.count) entries"
        case .nullDevice: "the null device"
        case .controlGroupTree: "the container's own cgroup"
        case .namespace(let path): Untrusted.shown(path)
        case .containerProcess: "the running container"
        case .exitRecord: "the exit record"
        case .log(let index): "log file \(index)"
        case .outputFile(let path, _, _): "file \(Untrusted.shown(path)), appended to"
        case .stream(let number): "stream \(number) of the caller"
        }
    }
}

extension RootTree {
    var sentence: String {
        let base =
            switch assembly {
            case .overlay(let layers, _, _): "\(layers.count) layers below a writable one"
            case .loopOverlay(let layers, _, _): "\(layers.count) layers below a writable file system of its own"
            case .readOnlyOverlay(let layers): "\(layers.count) layers"
            case .directory(let path): "directory \(Untrusted.shown(path))"
            }
        return withWords(base, attributes.names + (mapped ? ["mapped"] : []))
    }
}

extension Division {
    var sentence: String {
        if holds { return "become init without a task, hold the namespaces; what follows is not carried out" }
        var parts = [isInit ? "fork; the parent becomes init" : "fork; the parent watches the task"]
        if hasTerminal { parts.append("with a terminal") }
        if pumps { parts.append("copies output" + (logs.isEmpty ? "" : " to a log of 2 × \(logBytesMax) bytes")) }
        for (name, limit) in [("output", outputBytesMax), ("error", errorBytesMax)] where limit > 0 {
            parts.append("keeps the newest \(limit) bytes of the \(name) file")
        }
        if !initFilter.bytes.isEmpty { parts.append("runs under filter \(Untrusted.shown(initFilter.name))") }
        return parts.joined(separator: ", ")
    }
}

extension Credentials {
    var sentence: String {
        let others = groups.isEmpty ? "no other groups" : "groups \(groups.map(String.init).joined(separator: " "))"
        let words = [
            "become user \(uid):\(gid), \(others)", "effective \(named(effective))",
            "bounding \(named(bounding))", "inheritable \(named(inheritable))", "ambient \(named(ambient))",
        ]
        return words.joined(separator: "; ")
    }

    private func named(_ mask: UInt64) -> String {
        let names = CapabilitySet(rawValue: mask).names.map { String($0.dropFirst("CAP_".count)) }
        return names.isEmpty ? "nothing" : names.joined(separator: " ")
    }
}

extension NamespaceSet {
    /// The kernel's names of the members, separated by spaces.
    var names: String { Self.named.filter { contains($0.set) }.map(\.name).joined(separator: " ") }
}

extension MountAttributes {
    /// The options of mount(8) the attributes stand for.
    public var names: [String] {
        let table: [(MountAttributes, String)] = [
            (.readOnly, "ro"), (.noSetuid, "nosuid"), (.noDevices, "nodev"), (.noExecute, "noexec"),
            (.noAccessTime, "noatime"), (.strictAccessTime, "strictatime"), (.noDirectoryAccessTime, "nodiratime"),
            (.noLinkFollow, "nosymfollow"),
        ]
        return table.filter { contains($0.0) }.map(\.1)
    }
}

extension TargetRules {
    var names: [String] {
        let table: [(TargetRules, String)] = [
            (.create, "created when missing"), (.noLinks, "no links"), (.optional, "skipped when missing"),
            (.copying, "after a copy of what is there"), (.linkItself, "a link itself"),
        ]
        return table.filter { contains($0.0) }.map(\.1)
    }
}

extension ResourceLimit {
    private static let names = [
        "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks", "sigpending",
        "msgqueue", "nice", "rtprio", "rttime",
    ]

    /// The name of ulimit, such as `nofile`.
    public var name: String { Self.names.indices.contains(Int(resource)) ? Self.names[Int(resource)] : "\(resource)" }

    /// "1024:4096", or "unlimited".
    public var values: String {
        func text(_ value: UInt64) -> String { value == .max ? "unlimited" : "\(value)" }
        return soft == hard ? text(soft) : "\(text(soft)):\(text(hard))"
    }
}
