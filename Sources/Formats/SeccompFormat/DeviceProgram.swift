/// Devices a cgroup's members may open or make. What no rule allows is refused.
public struct DeviceRule: Hashable, Sendable {
    public enum Kind: UInt32, Sendable {
        case block = 1
        case character = 2
    }
    /// Nil is both kinds.
    public var kind: Kind?
    /// Nil is every major number.
    public var major: UInt32?
    /// Nil is every minor number.
    public var minor: UInt32?
    public var access: DeviceAccess

    public init(kind: Kind?, major: UInt32?, minor: UInt32?, access: DeviceAccess) {
        self.kind = kind
        self.major = major
        self.minor = minor
        self.access = access
    }

    var allowsEverything: Bool { kind == nil && major == nil && minor == nil && access == .all }

    /// null, zero, full, random, urandom, tty, the container's own ptmx and its terminals: read and write, and no right
    /// to make a node of any device.
    public static let standard: [DeviceRule] = [
        (1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (136, nil),
    ].map { DeviceRule(kind: .character, major: $0, minor: $1, access: [.read, .write]) }
}

/// What a device rule allows, by the kernel's numbers (BPF_DEVCG_ACC_*).
public struct DeviceAccess: OptionSet, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let makeNode = DeviceAccess(rawValue: 1)
    public static let read = DeviceAccess(rawValue: 2)
    public static let write = DeviceAccess(rawValue: 4)
    public static let all: DeviceAccess = [.makeNode, .read, .write]

    /// The letters `r`, `w` and `m` that `text` holds; every other letter gives nothing.
    public init(_ text: String) {
        var access: DeviceAccess = []
        if text.has("r") { access.insert(.read) }
        if text.has("w") { access.insert(.write) }
        if text.has("m") { access.insert(.makeNode) }
        self = access
    }
}

/// Writes the eBPF program (BPF_PROG_TYPE_CGROUP_DEVICE) that the kernel asks at every open and mknod of a device node
/// by a member of a cgroup. It returns 1 to allow, 0 to refuse with EPERM.
public enum DeviceProgram {
    /// The program's bytes: `struct bpf_insn`, 8 bytes each.
    public static func bytes(rules: [DeviceRule]) -> [UInt8] { instructions(rules: rules).flatMap(\.bytes) }

    /// Offsets in `struct bpf_cgroup_dev_ctx`.
    private static let accessAndType: Int16 = 0
    private static let majorNumber: Int16 = 4
    private static let minorNumber: Int16 = 8

    static func instructions(rules: [DeviceRule]) -> [DeviceInstruction] {
        let prologue: [DeviceInstruction] = [
            .load(.type, at: accessAndType), .copy(.access, from: .type), .and(.type, 0xffff), .shiftRight(.access, 16),
            .load(.major, at: majorNumber), .load(.minor, at: minorNumber),
        ]
        // The kernel refuses a program with instructions that nothing reaches, as those behind a rule for everything.
        if let everything = rules.firstIndex(where: \.allowsEverything) {
            return prologue + rules[...everything].flatMap(rule)
        }
        return prologue + rules.flatMap(rule) + [.set(.result, 0), .exit]
    }

    private static func rule(_ rule: DeviceRule) -> [DeviceInstruction] {
        var tests: [[DeviceInstruction]] = []
        if let kind = rule.kind { tests.append([.unlessEqual(.type, kind.rawValue)]) }
        if rule.access != .all {
            // Nothing may be asked for beyond what is allowed.
            let forbidden = DeviceAccess.all.rawValue & ~rule.access.rawValue
            tests.append([.copy(.scratch, from: .access), .and(.scratch, forbidden), .unlessEqual(.scratch, 0)])
        }
        if let major = rule.major { tests.append([.unlessEqual(.major, major)]) }
        if let minor = rule.minor { tests.append([.unlessEqual(.minor, minor)]) }
        var code = tests.flatMap { $0 } + [.set(.result, 1), .exit]
        for index in code.indices where code[index].isJump { code[index].offset = Int16(code.count - index - 1) }
        return code
    }
}

/// One eBPF instruction, `struct bpf_insn` of linux/bpf.h; only those a device program is made of.
struct DeviceInstruction: Hashable {
    /// r0 is the answer and r1 the context; the others are ours.
    enum Register: UInt8 {
        case result = 0, context, type, access, major, minor, scratch
    }

    static let loadWord: UInt8 = 0x61
    static let setImmediate: UInt8 = 0xb4
    static let copyRegister: UInt8 = 0xbc
    static let andImmediate: UInt8 = 0x54
    static let shiftRightImmediate: UInt8 = 0x74
    static let jumpUnlessEqual: UInt8 = 0x56
    static let exitProgram: UInt8 = 0x95

    var operation: UInt8
    var target = Register.result
    var source = Register.result
    var offset: Int16 = 0
    var immediate: UInt32 = 0

    var isJump: Bool { operation == Self.jumpUnlessEqual }

    static func load(_ register: Register, at offset: Int16) -> DeviceInstruction {
        .init(operation: loadWord, target: register, source: .context, offset: offset)
    }
    static func copy(_ register: Register, from source: Register) -> DeviceInstruction {
        .init(operation: copyRegister, target: register, source: source)
    }
    static func set(_ register: Register, _ value: UInt32) -> DeviceInstruction {
        .init(operation: setImmediate, target: register, immediate: value)
    }
    static func and(_ register: Register, _ value: UInt32) -> DeviceInstruction {
        .init(operation: andImmediate, target: register, immediate: value)
    }
    static func shiftRight(_ register: Register, _ value: UInt32) -> DeviceInstruction {
        .init(operation: shiftRightImmediate, target: register, immediate: value)
    }
    static func unlessEqual(_ register: Register, _ value: UInt32) -> DeviceInstruction {
        .init(operation: jumpUnlessEqual, target: register, immediate: value)
    }
    static let exit = DeviceInstruction(operation: exitProgram)

    var bytes: [UInt8] {
        let offset = UInt16(bitPattern: offset)
        let registers = source.rawValue << 4 | target.rawValue
        return [operation, registers, UInt8(truncatingIfNeeded: offset), UInt8(offset >> 8)]
            + (0..<4).map { UInt8(truncatingIfNeeded: immediate >> (8 * $0)) }
    }
}
