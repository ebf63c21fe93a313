import Diagnostics

/// A device or fifo to make in the root, mknod(2).
public struct NodeRequest: Hashable, Sendable {
    public enum Kind: UInt32, Sendable {
        case character = 0o020000
        case block = 0o060000
        case fifo = 0o010000
    }
    public var path: String
    public var kind: Kind
    /// The nine permission bits and the three above them.
    public var mode: UInt32
    public var major: UInt32
    public var minor: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public init(path: String, kind: Kind, mode: UInt32, major: UInt32, minor: UInt32, uid: UInt32, gid: UInt32) {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.major = major
        self.minor = minor
        self.uid = uid
        self.gid = gid
    }
}

/// A program that runs in the container's namespaces before the task does, with the container's state as its input.
public struct HookRequest: Equatable, Sendable {
    /// For people: "createContainer hook #0".
    public var title: String
    public var program: String
    public var arguments: [String]
    public var environment: [String]
    public var state: DescriptorName
    /// 0: it is waited for without end.
    public var milliseconds: UInt32
    public init(
        title: String, program: String, arguments: [String], environment: [String], state: DescriptorName,
        milliseconds: UInt32
    ) {
        self.title = title
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.state = state
        self.milliseconds = milliseconds
    }
}

/// The values of sched_setattr(2).
public struct SchedulingRequest: Hashable, Sendable {
    public var policy: UInt32
    public var flags: UInt64
    public var nice: Int32
    public var priority: UInt32
    /// Nanoseconds.
    public var runtime: UInt64
    public var deadline: UInt64
    public var period: UInt64
    public init(
        policy: UInt32, flags: UInt64 = 0, nice: Int32 = 0, priority: UInt32 = 0, runtime: UInt64 = 0,
        deadline: UInt64 = 0, period: UInt64 = 0
    ) {
        self.policy = policy
        self.flags = flags
        self.nice = nice
        self.priority = priority
        self.runtime = runtime
        self.deadline = deadline
        self.period = period
    }
}

extension PlanWriter {
    /// The payload of a step that only bundles ask for.
    mutating func writeBundle(_ step: Step) throws(Failure) {
        switch step {
        case .setPropagation(let path, let kind, let recursive):
            try text(path)
            wide(kind.rawValue)
            number(recursive ? 1 : 0)
        case .setAttributes(let path, let set, let clear, let recursive):
            try text(path)
            wide(set.rawValue)
            wide(clear.rawValue)
            number(recursive ? 1 : 0)
        case .makeNode(let node):
            try text(node.path)
            for value in [node.kind.rawValue | node.mode, node.major, node.minor, node.uid, node.gid] { number(value) }
        case .makeLink(let path, let value), .setLabel(let path, let value):
            try text(path)
            try text(value)
        case .runHook(let hook):
            try text(hook.program)
            try list(hook.arguments, field: "hooks")
            try list(hook.environment, field: "hooks")
            try descriptor(hook.state)
            number(hook.milliseconds)
        case .awaitStart(let listener): try descriptor(listener)
        case .schedule(let request):
            number(request.policy)
            wide(request.flags)
            number(UInt32(bitPattern: request.nice))
            number(request.priority)
            for value in [request.runtime, request.deadline, request.period] { wide(value) }
        case .ioPriority(let value): number(value)
        case .personality(let value): wide(value)
        case .memoryPolicy(let mode, let nodes):
            number(mode)
            block(nodes.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } })
        case .detach(let path), .enterDirectory(let path): try text(path)
        case .takeRoot(let directory): try descriptor(directory)
        case .findProgram(let arguments, let environment):
            try list(arguments, field: "process.args")
            try list(environment, field: "process.env")
        case .ownStreams(let uid, let gid):
            number(uid)
            number(gid)
        case .listeningFilter(let flags, let program):
            number(flags)
            block(program.bytes)
        default: preconditionFailure("not a step of bundles: \(step)")
        }
    }
}

extension LaunchPlan {
    func bundleSentence(for step: Step) -> String {
        func shown(_ text: String) -> String { Untrusted.shown(text) }
        return switch step {
        case .setPropagation(let path, let kind, let recursive):
            "make the mount at \(shown(path)) \(kind)\(recursive ? " recursively" : "")"
        case .setAttributes(let path, let set, let clear, let recursive):
            "set the attributes of the mount at \(shown(path)) to "
                + (set.names + clear.names.map { "not \($0)" } + (recursive ? ["recursively"] : [])).joined(
                    separator: " ")
        case .makeNode(let node):
            "make the \(node.kind) \(shown(node.path)) \(node.major):\(node.minor) "
                + "(mode 0\(String(node.mode, radix: 8)), "
                + "owner \(node.uid):\(node.gid))"
        case .makeLink(let path, let destination): "make the link \(shown(path)) to \(shown(destination))"
        case .runHook(let hook): "run the \(hook.title): \(shown(hook.program))"
        case .awaitStart: "wait until it is started"
        case .bindConsole: "show the terminal as /dev/console"
        case .schedule(let request): "set the scheduling policy to \(request.policy)"
        case .ioPriority(let value): "set the priority of input and output to \(value)"
        case .personality(let value): "set the personality to 0x\(String(value, radix: 16))"
        case .memoryPolicy(let mode, _): "set the memory policy to 0x\(String(mode, radix: 16))"
        case .detach(let path): "take away the host's mount at \(shown(path))"
        case .enterDirectory(let path): "go to the working directory \(shown(path))"
        case .findProgram(let arguments, _): "find the program \(shown(arguments.first ?? ""))"
        case .takeRoot(let directory): "change to the root" + (directory.map { " \(source($0))" } ?? "")
        case .changeRoot: "move to the root and change to it"
        case .ownStreams(let uid, let gid): "give the standard streams to user \(uid):\(gid)"
        case .listeningFilter(_, let program):
            "install the seccomp filter \(shown(program.name)) "
                + "(\(program.instructionCount) instructions) with a listener"
        case .setLabel(_, let value): "set the label of the program to \(shown(value))"
        default: "\(step)"
        }
    }
}
