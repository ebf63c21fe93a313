public import LinuxKernel

/// What an emulator is told when it is started; as arguments of its program.
public struct EmulatorOrder: Equatable, Sendable {
    /// Host ids of the container.
    public var identityBase: UInt32
    public var identityCount: UInt32
    /// The container's cgroup; empty where the host has none to give.
    public var group: String
    /// An empty directory for a mount workshop.
    public var workshop: String
    /// The static launcher, which does the errands inside.
    public var launcher: String

    public init(identityBase: UInt32, identityCount: UInt32, group: String, workshop: String, launcher: String) {
        self.identityBase = identityBase
        self.identityCount = identityCount
        self.group = group
        self.workshop = workshop
        self.launcher = launcher
    }

    /// What the program has open besides its standard streams: the socket listeners come in by, listening, and a pidfd
    /// of the container's first process.
    static let socketNumber: Int32 = 3
    static let processNumber: Int32 = 4

    public var arguments: [String] { ["\(identityBase)", "\(identityCount)", group, workshop, launcher] }

    /// Nil when `arguments` are not an order's.
    public init?(arguments: [String]) {
        guard arguments.count == 5, let base = UInt32(arguments[0]), let count = UInt32(arguments[1]) else {
            return nil
        }
        self.init(
            identityBase: base, identityCount: count, group: arguments[2], workshop: arguments[3],
            launcher: arguments[4])
    }

    /// A host id as the container numbers it; nil for one that is not its own.
    func inside(_ id: UInt32) -> UInt32? {
        guard id >= identityBase, id - identityBase < identityCount else { return nil }
        return id - identityBase
    }
}

/// The emulator of one container, as others see it.
public enum EmulatorProcess {
    /// Starts `program`, which outlives this process and ends with the container. `socket` listens for packets, `log`
    /// gets a line for each thing that went wrong.
    public static func start(
        _ program: String, _ order: EmulatorOrder, socket: OwnedDescriptor, container: ProcessHandle,
        log: OwnedDescriptor
    ) throws(KernelError) -> ProcessHandle {
        try ToolProcess.start(program, order.arguments, descriptors: [nil, nil, log, socket, container.descriptor])
    }

    /// Gives a listener to the emulator that has `name` in `directory`. ECONNREFUSED, ENOENT: there is none any more.
    public static func hand(
        _ listener: OwnedDescriptor, to name: String, in directory: OwnedDescriptor
    ) throws(KernelError) {
        try directory.connectForPackets(to: name).sendMessage([1], descriptors: [listener])
    }
}
