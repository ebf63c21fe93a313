import Determinism
import NIOCore
import RawHTTP
import Testing

@testable import HTTPServing

@Suite("Where requests begin and end", .timeLimit(.minutes(5)))
struct RequestFramingTests {
    /// What the parser sees of `text` that comes in pieces, and the fault that ended it.
    private func passed(_ text: [UInt8], _ cut: (Int) -> Int) -> (seen: [UInt8], fault: FramingFault?) {
        var framing = RequestFraming(RequestFraming.Bounds(ServerLimits()))
        var output = ByteBuffer()
        var fault: FramingFault?
        var start = 0
        while start < text.count, fault == nil {
            let end = min(text.count, start + max(1, cut(start)))
            var input = ByteBuffer(bytes: text[start..<end])
            do throws(FramingFault) { try framing.pass(&input, to: &output) } catch { fault = error }
            start = end
        }
        return (Array(output.readableBytesView), fault)
    }

    private static let texts = (HostileRequest.refused.map(\.text) + UnusualRequest.all.map(\.text))
        .filter { $0.utf8.count < 10_000 }

    @Test("however a request is cut on its way, the same of it is seen", arguments: texts.indices)
    func cuts(_ index: Int) {
        let bytes = Array(Self.texts[index].utf8)
        let whole = passed(bytes) { _ in .max }
        for size in 1...8 {
            let pieces = passed(bytes) { _ in size }
            #expect(pieces == whole, "\(Self.texts[index])")
        }
    }

    @Test("what was let through is let through again unchanged", arguments: UnusualRequest.all)
    func twice(_ request: UnusualRequest) {
        let once = passed(Array(request.text.utf8)) { _ in .max }
        let again = passed(once.seen) { _ in .max }
        #expect(again.seen == once.seen)
        #expect(again.fault == nil)
    }

    @Test("of damaged requests only whole headers are seen, the same ones however they are cut", arguments: 0..<300)
    func damage(_ seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let texts = RequestFramingTests.texts
        var bytes = Array((texts[random.below(texts.count)] + texts[random.below(texts.count)]).utf8)
        for _ in 0...random.below(4) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            switch random.below(3) {
            case 0: bytes[place] = [0, 9, 10, 13, 32, 58, 255][random.below(7)]
            case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(8)))
            default: bytes.insert(contentsOf: bytes[..<min(place, 20)], at: place)
            }
        }
        let whole = passed(bytes) { _ in .max }
        var sizes = random
        #expect(passed(bytes) { _ in 1 + sizes.below(9) } == whole)
        let again = passed(whole.seen) { _ in .max }
        #expect(again.seen == whole.seen)
        #expect(again.fault == nil)
    }
}
