import ClusterAPI
import Diagnostics
import Foundation
import Testing

/// What fuzzing started from and what it found, read again on every run.
@Suite("The fuzzer's corpus") struct CorpusTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../FuzzTests/Corpora/wire").standardizedFileURL

    @Test("what the seeds are seeds of is read from both encodings, whole and in pieces")
    func seeds() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: CorpusTests.corpus.path).sorted()
        #expect(names.count >= 7)
        for name in names {
            let content = Array(try Data(contentsOf: CorpusTests.corpus.appending(path: name)))
            let choice = try #require(content.first)
            let messages = [
                "mesos.v1.scheduler.Call", "mesos.v1.executor.Call", "mesos.v1.master.Call", "mesos.v1.agent.Call",
                "mesos.v1.scheduler.Event", "mesos.v1.agent.ProcessIO",
            ]
            let message = messages[Int(choice >> 1) % messages.count]
            let format: WireFormat = choice & 1 == 0 ? .json : .protobuf
            let body = Array(content.dropFirst())
            if name.hasSuffix(".seed") {
                #expect(throws: Never.self, "\(name)") { try WireCodec.decode(body, as: message, format) }
            }
            for end in body.indices {
                do throws(Failure) {
                    _ = try WireCodec.decode(Array(body[..<end]), as: message, format)
                } catch {
                    #expect(!error.code.rawValue.isEmpty)
                }
            }
        }
    }
}
