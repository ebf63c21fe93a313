/// One instruction of a classic BPF program, `struct sock_filter` of linux/filter.h; only the operations that filters
/// of seccomp(2) are made of.
public struct FilterInstruction: Hashable, Sendable {
    public var operation: UInt16
    public var whenTrue: UInt8
    public var whenFalse: UInt8
    public var operand: UInt32

    public init(operation: UInt16, whenTrue: UInt8 = 0, whenFalse: UInt8 = 0, operand: UInt32) {
        self.operation = operation
        self.whenTrue = whenTrue
        self.whenFalse = whenFalse
        self.operand = operand
    }

    public static let byteCount = 8
    /// BPF_MAXINSNS: the kernel refuses a longer program.
    public static let countMax = 4096

    static let load: UInt16 = 0x20
    static let and: UInt16 = 0x54
    static let jump: UInt16 = 0x05
    static let jumpEqual: UInt16 = 0x15
    static let jumpGreater: UInt16 = 0x25
    static let jumpGreaterOrEqual: UInt16 = 0x35
    static let jumpAnySet: UInt16 = 0x45
    static let answer: UInt16 = 0x06
    static let answerAccumulator: UInt16 = 0x16

    /// Offsets in `struct seccomp_data`; all supported processors are little-endian, so a low half comes first.
    static let numberOffset: UInt32 = 0
    static let architectureOffset: UInt32 = 4
    static func lowHalf(ofArgument index: UInt8) -> UInt32 { 16 + 8 * UInt32(index) }
    static func highHalf(ofArgument index: UInt8) -> UInt32 { 20 + 8 * UInt32(index) }

    static func loading(_ offset: UInt32) -> FilterInstruction { .init(operation: load, operand: offset) }
    static func skipping(_ count: Int) -> FilterInstruction { .init(operation: jump, operand: UInt32(count)) }
    static func answering(_ action: FilterAction) -> FilterInstruction {
        .init(operation: answer, operand: action.returnValue)
    }

    /// As the kernel reads it, little-endian.
    public var bytes: [UInt8] {
        [
            UInt8(truncatingIfNeeded: operation), UInt8(truncatingIfNeeded: operation >> 8), whenTrue, whenFalse,
            UInt8(truncatingIfNeeded: operand), UInt8(truncatingIfNeeded: operand >> 8),
            UInt8(truncatingIfNeeded: operand >> 16), UInt8(truncatingIfNeeded: operand >> 24),
        ]
    }

    /// The instructions of a program's bytes; nil unless there are whole instructions and at least one.
    public static func decode(_ bytes: [UInt8]) -> [FilterInstruction]? {
        guard !bytes.isEmpty, bytes.count % byteCount == 0 else { return nil }
        return stride(from: 0, to: bytes.count, by: byteCount).map { at in
            let operand = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + 4 + $1]) << UInt32(8 * $1) }
            return FilterInstruction(
                operation: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8, whenTrue: bytes[at + 2],
                whenFalse: bytes[at + 3], operand: operand)
        }
    }
}
