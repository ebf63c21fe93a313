/// The numbers of `Sources/Launcher/include/plan.h`; a test compares each of them with that header.
public enum PlanFormat {
    static let magic: UInt32 = 0x5048_4c42
    static let version: UInt32 = 1
    static let noDescriptor: UInt32 = 0xffff_ffff
    /// Bytes of a whole encoded plan.
    public static let bytesMax = 4 << 20
    public static let stepsMax = 4_096
    /// Texts of one list: options, arguments, environment.
    public static let listCountMax = 65_536
    public static let groupsMax = 65_536
    /// Instructions of one filter, BPF_MAXINSNS.
    public static let filterInstructionsMax = 4_096
    /// Smallest size of one of the two log files, in bytes.
    public static let logBytesMin: UInt64 = 4_096
    /// Descriptors a plan may name; as many as one packet can carry, unix(7) SCM_MAX_FD.
    public static let descriptorsMax = 250
    /// The byte that lets a held launcher go on.
    public static let release: UInt8 = 0x52
    /// May come once before it: the id maps are written, and what needs no more than those may be done.
    public static let prepare: UInt8 = 0x50
    /// The number under which the launcher has the first descriptor of a plan.
    public static let firstPlanDescriptor: UInt32 = 5
}

extension Step {
    /// The number of the operation in an encoded plan.
    var operation: UInt32 {
        switch self {
        case .join: 1
        case .unshare: 2
        case .becomeRoot: 3
        case .beginSession: 4
        case .setUmask: 5
        case .propagation: 6
        case .attachRoot: 7
        case .mount: 8
        case .attach: 9
        case .sealPath: 10
        case .mask: 11
        case .makeDirectory: 12
        case .rootAttributes: 13
        case .enterRoot: 14
        case .setHostname: 15
        case .setDomainname: 16
        case .sysctl: 17
        case .limit: 18
        case .loopbackUp: 20
        case .newKeyring: 21
        case .divide: 22
        case .terminal: 23
        case .standardStreams: 24
        case .credentials: 25
        case .noNewPrivileges: 26
        case .workingDirectory: 27
        case .closeDescriptors: 28
        case .installFilter: 29
        case .execute: 30
        case .setPropagation: 31
        case .setAttributes: 32
        case .makeNode: 33
        case .makeLink: 34
        case .runHook: 35
        case .awaitStart: 36
        case .bindConsole: 37
        case .schedule: 38
        case .ioPriority: 39
        case .personality: 40
        case .findProgram: 41
        case .changeRoot: 42
        case .takeRoot: 51
        case .ownStreams: 43
        case .listeningFilter: 44
        case .setLabel: 45
        case .confineWrites: 46
        case .placeDevice: 47
        case .enterDirectory: 48
        case .memoryPolicy: 49
        case .detach: 50
        }
    }
}
