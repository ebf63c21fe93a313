import Determinism
import Testing

@testable import MasterCore

@Suite("a table of records")
struct RecordTableTests {
    @Test("holds what a dictionary holds, whatever is done to it")
    func likeADictionary() {
        var random = SeededRandom(seed: 3)
        var table = RecordTable<Int, [Int]>()
        var dictionary: [Int: [Int]] = [:]
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<3_000, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                table[key] = [step]
                dictionary[key] = [step]
            case 1:
                table[key]?.append(step)
                dictionary[key]?.append(step)
            case 2:
                table[key] = nil
                dictionary[key] = nil
            case 3:
                table.put([step], for: key)
                dictionary[key] = [step]
            case 4: #expect(table.removeValue(forKey: key) == dictionary.removeValue(forKey: key))
            default: #expect(table[key] == dictionary[key])
            }
        }
        #expect(table.count == dictionary.count && table.isEmpty == dictionary.isEmpty && !table.isEmpty)
        #expect(table.keys.sorted() == dictionary.keys.sorted())
        #expect(table.values.map(\.count).reduce(0, +) == dictionary.values.map(\.count).reduce(0, +))
        for (key, value) in table { #expect(dictionary[key] == value) }
        #expect(Array(table).count == table.count)
    }

    @Test("a copy stays as it was")
    func copies() {
        var table = RecordTable<Int, String>()
        for key in 0..<10_000 { table[key] = "\(key)" }
        let copy = table
        for key in 0..<10_000 where key % 2 == 0 { table[key] = nil }
        table[1] = "changed"
        #expect(copy.count == 10_000 && table.count == 5_000)
        #expect(copy[1] == "1" && copy[2] == "2" && table[1] == "changed" && table[2] == nil)
    }
}
