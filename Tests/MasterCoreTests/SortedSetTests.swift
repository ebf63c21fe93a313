import Testing

@testable import MasterCore

@Suite("A set in order")
struct SortedSetTests {
    /// Numbers that come in no order, and always the same.
    private static func mixed(_ count: Int) -> [Int] { (0..<count).map { $0 * 7_919 % count } }

    @Test("It is what a set would be, in order, whatever comes and goes", arguments: [1, 2, 255, 257, 5_000])
    func followsASet(count: Int) {
        var (sorted, plain) = (SortedSet<Int>(), Set<Int>())
        for (step, number) in Self.mixed(count).enumerated() {
            sorted.insert(number)
            plain.insert(number)
            if step % 3 == 0 {
                sorted.remove(number / 2)
                plain.remove(number / 2)
            }
        }
        #expect(Array(sorted) == plain.sorted() && sorted.count == plain.count)
        for number in -1...count { #expect(sorted.contains(number) == plain.contains(number)) }
        for number in Self.mixed(count) {
            sorted.remove(number)
            plain.remove(number)
            if number % 500 == 0 { #expect(Array(sorted) == plain.sorted()) }
        }
        #expect(sorted.isEmpty && sorted.runs.isEmpty)
    }

    @Test("What is there already is not there twice, and what is not there can go")
    func isASet() {
        var sorted = SortedSet<String>()
        sorted.remove("b")
        for name in ["b", "a", "b", "c", "a"] { sorted.insert(name) }
        sorted.remove("d")
        #expect(Array(sorted) == ["a", "b", "c"] && sorted.count == 3)
    }

    @Test("Many at a time come to the same as one at a time", arguments: [1, 3, 10, 300, 2_000])
    func insertsMany(atATime size: Int) {
        var (sorted, plain) = (SortedSet<Int>(), Set<Int>())
        // Some that follow one another, some that do not, some that are there already, or twice.
        for start in [5_000, 100, 9_000, 5_200, 0, 5_000 + size / 2, 20_000] {
            for step in [1, 2, 37] {
                let many = (0..<size).map { start + $0 / 2 * step }
                sorted.insert(many.reversed())
                plain.formUnion(many)
                #expect(Array(sorted) == plain.sorted() && sorted.count == plain.count)
                #expect(sorted.runs.allSatisfy { !$0.isEmpty && $0.count <= SortedSet<Int>.runMax })
            }
        }
        sorted.insert([])
        for number in plain { #expect(sorted.contains(number)) }
    }

    @Test("Runs stay short, and few are left when most has gone")
    func runsAreShort() {
        var sorted = SortedSet<Int>()
        for number in 0..<20_000 { sorted.insert(number) }
        #expect(sorted.runs.allSatisfy { !$0.isEmpty && $0.count <= SortedSet<Int>.runMax })
        for number in 0..<20_000 where number % 200 != 0 { sorted.remove(number) }
        #expect(Array(sorted) == Array(stride(from: 0, to: 20_000, by: 200)))
        #expect(sorted.runs.count <= 10)
    }
}
