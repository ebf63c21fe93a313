import Diagnostics

/// What the kernel does with a call, seccomp(2).
public enum FilterAction: Hashable, Sendable {
    case killProcess
    case killThread
    case trap
    /// The call is not made and answers with this errno.
    case refuse(ErrorNumber)
    /// A listener decides; without one the call answers ENOSYS.
    case notify
    /// A tracer decides and sees this number; without one the call answers ENOSYS.
    case trace(UInt16)
    case log
    case allow

    /// The largest errno the kernel hands to a program.
    public static let errnoMax: UInt16 = 4095

    /// The value a filter returns for this action.
    public var returnValue: UInt32 {
        switch self {
        case .killProcess: 0x8000_0000
        case .killThread: 0
        case .trap: 0x0003_0000
        case .refuse(let error): 0x0005_0000 | UInt32(error.rawValue)
        case .notify: 0x7fc0_0000
        case .trace(let message): 0x7ff0_0000 | UInt32(message)
        case .log: 0x7ffc_0000
        case .allow: 0x7fff_0000
        }
    }

    /// The action of a filter's return value; what the kernel does not know kills the process.
    public init(returnValue: UInt32) {
        let data = UInt16(truncatingIfNeeded: returnValue)
        switch returnValue & 0xffff_0000 {
        case 0: self = .killThread
        case 0x0003_0000: self = .trap
        case 0x0005_0000: self = .refuse(ErrorNumber(rawValue: min(data, Self.errnoMax)))
        case 0x7fc0_0000: self = .notify
        case 0x7ff0_0000: self = .trace(data)
        case 0x7ffc_0000: self = .log
        case 0x7fff_0000: self = .allow
        default: self = .killProcess
        }
    }
}

extension FilterAction: CustomStringConvertible {
    public var description: String {
        switch self {
        case .killProcess: "kill process"
        case .killThread: "kill thread"
        case .trap: "trap"
        case .refuse(let error): error.description
        case .notify: "notify"
        case .trace(let message): "trace \(message)"
        case .log: "log"
        case .allow: "allow"
        }
    }
}

/// An errno by its number, shown by its name; errno(3), the numbers of x86-64 and arm64.
public struct ErrorNumber: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let notPermitted = ErrorNumber(rawValue: 1)
    public static let noSuchCall = ErrorNumber(rawValue: 38)
    public static let protocolNotSupported = ErrorNumber(rawValue: 93)
    public static let familyNotSupported = ErrorNumber(rawValue: 97)

    /// The errno of a name such as `EPERM`; nil for a name errno(3) does not list.
    public init?(name: String) {
        let canonical = Self.aliases[name] ?? name
        guard let number = (1...133).first(where: { ErrnoName.of($0) == canonical }) else { return nil }
        rawValue = UInt16(number)
    }

    public var description: String { ErrnoName.of(Int32(rawValue)) }

    private static let aliases = ["ENOTSUP": "EOPNOTSUPP", "EWOULDBLOCK": "EAGAIN", "EDEADLOCK": "EDEADLK"]
}
