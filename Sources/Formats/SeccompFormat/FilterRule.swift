/// A comparison of one argument of a call, as a 64-bit unsigned number.
///
/// The kernel reads an `int` argument from the low half of the register only, so a rule about an `int` compares with
/// `.masked(low32, …)`: comparing all 64 bits could be evaded by setting a high one (CVE-2019-10063).
public struct ArgumentCondition: Hashable, Sendable {
    public enum Test: Hashable, Sendable {
        case equal(UInt64)
        case notEqual(UInt64)
        case less(UInt64)
        case lessOrEqual(UInt64)
        case greater(UInt64)
        case greaterOrEqual(UInt64)
        /// The argument's bits under the mask are exactly these.
        case masked(UInt64, equal: UInt64)
    }

    public static let low32: UInt64 = 0xffff_ffff

    /// 0 to 5.
    public var index: UInt8
    public var test: Test
    public init(index: UInt8, _ test: Test) {
        self.index = index
        self.test = test
    }

    /// The `int` argument at `index` is `value`.
    public static func int(_ index: UInt8, is value: UInt32) -> ArgumentCondition {
        ArgumentCondition(index: index, .masked(low32, equal: UInt64(value)))
    }

    public func holds(for argument: UInt64) -> Bool {
        switch test {
        case .equal(let value): argument == value
        case .notEqual(let value): argument != value
        case .less(let value): argument < value
        case .lessOrEqual(let value): argument <= value
        case .greater(let value): argument > value
        case .greaterOrEqual(let value): argument >= value
        case .masked(let mask, let value): argument & mask == value
        }
    }
}

extension ArgumentCondition: CustomStringConvertible {
    public var description: String {
        let argument = "argument \(index)"
        return switch test {
        case .equal(let value): "\(argument) = \(Self.hex(value))"
        case .notEqual(let value): "\(argument) ≠ \(Self.hex(value))"
        case .less(let value): "\(argument) < \(Self.hex(value))"
        case .lessOrEqual(let value): "\(argument) ≤ \(Self.hex(value))"
        case .greater(let value): "\(argument) > \(Self.hex(value))"
        case .greaterOrEqual(let value): "\(argument) ≥ \(Self.hex(value))"
        case .masked(Self.low32, let value): "\(argument) = \(Self.hex(value))"
        case .masked(let mask, let value): "\(argument) & \(Self.hex(mask)) = \(Self.hex(value))"
        }
    }

    private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

/// What happens to one call when all conditions hold.
public struct FilterRule: Hashable, Sendable {
    /// A name of syscalls(2).
    public var call: String
    public var conditions: [ArgumentCondition]
    public var action: FilterAction
    public init(_ call: String, when conditions: [ArgumentCondition] = [], _ action: FilterAction) {
        self.call = call
        self.conditions = conditions
        self.action = action
    }
}

/// A profile after its conditions on capabilities, kernel and processor were decided: what is compiled.
///
/// For one call the first rule whose conditions hold decides, rules without conditions coming after those with;
/// a call without such a rule gets `defaultAction`, a call of any other ABI kills the process.
public struct ResolvedFilter: Hashable, Sendable {
    /// Where the profile came from, for people: `default`, `unconfined`, a path.
    public var name: String
    public var defaultAction: FilterAction
    /// The native ABI first.
    public var architectures: [FilterArchitecture]
    public var flags: FilterFlags
    public var rules: [FilterRule]
    /// What was left out or read in a way its author may not expect, a sentence each.
    public var notes: [String]

    public init(
        name: String, defaultAction: FilterAction, architectures: [FilterArchitecture], flags: FilterFlags = [],
        rules: [FilterRule], notes: [String] = []
    ) {
        self.name = name
        self.defaultAction = defaultAction
        self.architectures = architectures
        self.flags = flags
        self.rules = rules
        self.notes = notes
    }

    /// Nothing is filtered: no program is made and none is installed.
    public var isUnconfined: Bool { rules.isEmpty && defaultAction == .allow }

    /// Some call is handed to a listener, who must exist or the call answers ENOSYS.
    public var needsListener: Bool { defaultAction == .notify || rules.contains { $0.action == .notify } }
}

/// Flags of seccomp(2) SECCOMP_SET_MODE_FILTER, by their kernel values.
public struct FilterFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let allThreads = FilterFlags(rawValue: 1)
    public static let logRefusals = FilterFlags(rawValue: 2)
    public static let allowSpeculation = FilterFlags(rawValue: 4)
    public static let waitKillable = FilterFlags(rawValue: 32)
}
