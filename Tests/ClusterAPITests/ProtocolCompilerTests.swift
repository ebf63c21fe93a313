@testable import ClusterAPI
import Foundation
import Testing

/// protoc, of Debian's protobuf-compiler (.ci/setup test), is the judge of what protobuf is.
@Suite("Against protoc") struct ProtocolCompilerTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Sources/Formats/ClusterAPI/Protocol").standardizedFileURL

    private let directory = FileManager.default.temporaryDirectory.appending(path: "protoc-\(UUID().uuidString)")

    private struct Refusal: Error { let text: String }

    /// What protoc answers to `input` on its standard input.
    private func protoc(_ arguments: [String], _ input: [UInt8] = []) throws -> [UInt8] {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let names = ["in", "out", "err"].map { directory.appending(path: $0) }
        try Data(input).write(to: names[0])
        for name in names[1...] { try Data().write(to: name) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["protoc", "-I\(ProtocolCompilerTests.sources.path)"] + arguments
        process.standardInput = try FileHandle(forReadingFrom: names[0])
        process.standardOutput = try FileHandle(forWritingTo: names[1])
        process.standardError = try FileHandle(forWritingTo: names[2])
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Refusal(text: String(decoding: try Data(contentsOf: names[2]), as: UTF8.self))
        }
        let output = Array(try Data(contentsOf: names[1]))
        try FileManager.default.removeItem(at: directory)
        return output
    }

    private func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: ProtocolCompilerTests.sources.path)
            .filter { $0.hasSuffix(".proto") }.sorted()
    }

    @Test(
        "protoc reads what we write, and we read what it writes",
        arguments: [
            "scheduler.Call", "scheduler.Event", "executor.Call", "executor.Event", "master.Call", "master.Response",
            "master.Event", "agent.Call", "agent.Response", "agent.ProcessIO", "TaskInfo", "Offer",
        ])
    func exchange(name: String) throws {
        let name = "mesos.v1.\(name)"
        for seed in 100..<105 as Range<UInt64> {
            var messages = RandomMessages(seed: seed)
            let value = try messages.value(name)
            let text = try protoc(["--decode=\(name)"] + files(), WireCodec.encode(value, as: name, .protobuf))
            let unknown = String(decoding: text, as: UTF8.self).split(separator: "\n")
                .filter { $0.drop { $0 == " " }.first?.isNumber ?? false }
            #expect(unknown.isEmpty)
            let bytes = try protoc(["--encode=\(name)"] + files(), text)
            #expect(try WireCodec.decode(bytes, as: name, .protobuf) == value)
        }
    }

    @Test("the compiled-in descriptors are those of the .proto files; otherwise run Protocol/generate")
    func descriptors() throws {
        let set = directory.appendingPathExtension("set")
        _ = try protoc(["--descriptor_set_out=\(set.path)"] + files())
        let fresh = try ProtocolSchema(compiled: Array(try Data(contentsOf: set)))
        try FileManager.default.removeItem(at: set)
        let standard = ProtocolSchema.standard
        #expect(Set(fresh.names) == Set(standard.names))
        for name in fresh.names {
            let (new, old) = (try #require(fresh.message(named: name)), try #require(standard.message(named: name)))
            #expect(fresh.description(of: new) == standard.description(of: old))
        }
    }
}

extension ProtocolSchema {
    /// Everything that is known of a message, with names in place of indices.
    fileprivate func description(of message: Message) -> [String] {
        message.fields.map { field in
            let kind =
                switch field.kind {
                case .message(let index): messages[index].name
                case .enumeration(let index): "\(enumerations[index].numbers.sorted { $0.key < $1.key })"
                default: "\(field.kind)"
                }
            let fault = field.emittedDefault ?? "none"
            return "\(field.number) \(field.name) \(kind) \(field.cardinality) \(fault) \(field.alternatives)"
        }
    }
}
