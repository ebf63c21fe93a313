import Glibc
import Testing

@testable import LaunchPlanning

@Suite("the corpus the plan's decoder is fuzzed with")
struct CorpusTests {
    /// Good plans to begin with. BULKHEAD_WRITE_CORPUS=1 writes them again after the format has changed.
    static let seeds = ["every-step.seed", "container.seed", "smallest.seed"]

    private static func plan(_ name: String) throws -> LaunchPlan {
        switch name {
        case "every-step.seed": return Sample.everyPlan
        case "container.seed": return try PlanBuilder.build(Sample.contributions)
        default:
            var plan = Sample.everyPlan
            plan.descriptors = [:]
            plan.steps = [PlannedStep(stage: .execute, isolator: "", step: .execute(arguments: ["x"], environment: []))]
            return plan
        }
    }

    private static let folder: String = {
        let root = "\(#filePath)".split(separator: "/").dropLast(2).joined(separator: "/")
        return "/\(root)/FuzzTests/Corpora/plan"
    }()

    @Test("the seeds are what the encoder writes, and good plans", arguments: seeds)
    func seedsAreCurrent(name: String) throws {
        let bytes = try PlanEncoder.encode(Self.plan(name))
        if getenv("BULKHEAD_WRITE_CORPUS") != nil { try write(bytes, to: name) }
        #expect(try read(name) == bytes)
        #expect(DecodedPlan(bytes).error == 0)
    }

    @Test("whatever fuzzing has found once is read without harm")
    func findingsStayFixed() throws {
        let names = try self.names()
        #expect(names.count >= Self.seeds.count)
        for name in names {
            let decoded = DecodedPlan(try read(name))
            if decoded.error == 0 { for index in 0..<decoded.stepCount { _ = decoded.step(index) } }
        }
    }

    private func names() throws -> [String] {
        let directory = try #require(opendir(Self.folder))
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    private func read(_ name: String) throws -> [UInt8] {
        let file = try #require(fopen("\(Self.folder)/\(name)", "r"), "\(Self.folder)/\(name)")
        defer { fclose(file) }
        let most = 1 << 20
        var bytes = [UInt8](repeating: 0, count: most)
        let count = fread(&bytes, 1, most, file)
        return Array(bytes[..<count])
    }

    private func write(_ bytes: [UInt8], to name: String) throws {
        let file = try #require(fopen("\(Self.folder)/\(name)", "w"))
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
        #expect(fclose(file) == 0)
    }
}
