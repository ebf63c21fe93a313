import CLauncher
import Testing

@testable import LaunchPlanning

@Suite("the launcher's decoder meets bytes it did not expect")
struct HostilePlanTests {
    private func good() throws -> [UInt8] { try PlanEncoder.encode(Sample.everyPlan) }

    /// Reads everything of an accepted plan, as the launcher would.
    private func walk(_ decoded: DecodedPlan) {
        for index in 0..<decoded.stepCount { _ = decoded.step(index) }
    }

    @Test("a plan cut off anywhere is refused")
    func truncatedIsRefused() throws {
        let bytes = try good()
        for length in 0..<bytes.count {
            #expect(DecodedPlan(Array(bytes[..<length])).error != 0, "cut to \(length) bytes")
        }
    }

    @Test("a plan cut off anywhere is refused even when its header says the shorter size")
    func truncatedWithRightSizeIsRefused() throws {
        let bytes = try good()
        for length in stride(from: 16, to: bytes.count, by: 4) {
            var cut = Array(bytes[..<length])
            withUnsafeBytes(of: UInt32(length).littleEndian) { cut.replaceSubrange(8..<12, with: $0) }
            #expect(DecodedPlan(cut).error != 0, "cut to \(length) bytes")
        }
    }

    @Test("bytes after the plan are refused")
    func trailingIsRefused() throws {
        var bytes = try good() + [0, 0, 0, 0]
        #expect(DecodedPlan(bytes).error != 0)
        withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
        #expect(DecodedPlan(bytes).error != 0)
    }

    @Test("a mutated plan never makes the decoder read outside it", arguments: 0..<64 as Range<UInt64>)
    func mutatedIsSafe(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let original = try good()
        for _ in 0..<200 {
            var bytes = original
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 1: bytes[at] = UInt8.random(in: .min ... .max, using: &generator)
                case 2: bytes.replaceSubrange(at..<min(at + 4, bytes.count), with: [0xff, 0xff, 0xff, 0xff])
                default: bytes.removeSubrange(at..<min(at + 4, bytes.count))
                }
            }
            if bytes.count >= 12 {
                withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { bytes.replaceSubrange(8..<12, with: $0) }
            }
            let decoded = DecodedPlan(bytes)
            if decoded.error == 0 { walk(decoded) }
        }
    }

    /// What is done to a good plan, and the step the decoder must name.
    struct Change: CustomTestStringConvertible, Sendable {
        let name: String
        let step: Int
        let replacement: [UInt8]
        var testDescription: String { name }
    }

    private static func words(_ values: UInt32...) -> [UInt8] {
        values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    static let changes: [Change] = [
        Change(name: "operation 0", step: 2, replacement: words(0, 0)),
        Change(name: "operation 19, which there is no more", step: 2, replacement: words(19, 4, 0)),
        Change(name: "operation 46", step: 2, replacement: words(46, 0)),
        Change(name: "a payload where none belongs", step: 2, replacement: words(3, 4, 0)),
        Change(name: "a payload size that is no multiple of 4", step: 2, replacement: words(3, 2)),
        Change(name: "a size that reaches beyond the plan", step: 2, replacement: words(3, 0xffff_fffc)),
        Change(name: "a text without its NUL", step: 14, replacement: words(15, 8, 4, 0x4141_4141)),
        Change(name: "a text with a NUL inside", step: 14, replacement: words(15, 12, 4, 0x4100_4141, 0)),
        Change(name: "padding that is not zero", step: 14, replacement: words(15, 8, 2, 0x4100_4141)),
        Change(name: "a text longer than the plan", step: 14, replacement: words(15, 8, 0xffff_fff0, 0)),
        Change(name: "a descriptor that cannot be the plan's", step: 0, replacement: words(1, 8, 3, 0)),
        Change(name: "a descriptor beyond the last", step: 0, replacement: words(1, 8, 255, 0)),
        Change(name: "no descriptor where one is needed", step: 0, replacement: words(1, 8, 0xffff_ffff, 0)),
        Change(name: "an unknown target kind", step: 8, replacement: words(9, 20, 6, 1, 0x2f, 2, 1)),
        Change(name: "an unknown target rule", step: 8, replacement: words(9, 20, 6, 1, 0x2f, 1, 64)),
        Change(name: "a filter of half an instruction", step: 27, replacement: words(29, 12, 0, 4, 6)),
        Change(name: "an empty filter", step: 27, replacement: words(29, 8, 0, 0)),
        Change(name: "too many groups", step: 23, replacement: words(25, 12, 1, 2, 65_537)),
        Change(name: "a list longer than it can be", step: 28, replacement: words(30, 8, 65_537, 0)),
        Change(name: "nothing to execute", step: 28, replacement: words(30, 8, 0, 0)),
        Change(name: "an empty name to execute", step: 28, replacement: words(30, 16, 1, 0, 0, 0)),
        Change(name: "execute before the end", step: 2, replacement: words(30, 16, 1, 1, 0x41, 0)),
        Change(name: "no execute at the end", step: 28, replacement: words(20, 0)),
        Change(name: "the root entered before it is attached", step: 2, replacement: words(14, 0)),
        Change(name: "a second fork", step: 21, replacement: words(22, 36, 0, .max, .max, .max, 0, 0, .max, .max, 0)),
        Change(name: "one log file", step: 20, replacement: words(22, 36, 2, .max, 5, .max, 4_096, 0, .max, .max, 0)),
        Change(name: "a tiny log", step: 20, replacement: words(22, 36, 2, .max, 5, 6, 4_095, 0, .max, .max, 0)),
    ]

    @Test("a plan with one broken step is refused, and the step is named", arguments: changes)
    func brokenStepIsNamed(change: Change) throws {
        var bytes: [UInt8] = []
        for index in 0..<29 {
            var plan = Sample.everyPlan
            plan.steps = [Sample.everyPlan.steps[index]]
            bytes += index == change.step ? change.replacement : Array(try PlanEncoder.encode(plan)[16...])
        }
        let header = Self.words(PlanFormat.magic, PlanFormat.version, UInt32(bytes.count + 16), 29)
        let decoded = DecodedPlan(header + bytes)
        #expect(decoded.error != 0)
        #expect(decoded.faultyStep == UInt32(change.step))
    }

    @Test("a header that is not ours is refused", arguments: [0, 4, 8, 12])
    func brokenHeaderIsRefused(offset: Int) throws {
        var bytes = try good()
        bytes[offset] ^= 0x40
        #expect(DecodedPlan(bytes).error != 0)
    }
}
