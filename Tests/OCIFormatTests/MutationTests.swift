import Diagnostics
import OCIFormat
import Testing

/// Good documents, damaged at random: whatever comes, every decoder answers or refuses, and never traps. A trap would
/// end the whole test run, so a run that ends is the proof; a seed says which one it was.
@Suite("damaged documents")
struct MutationTests {
    /// SplitMix64: the same numbers for the same seed everywhere.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return mixed ^ mixed >> 31
        }
    }

    private static let good: [String] = [
        Sample.manifest(),
        Sample.manifest(extra: #","annotations":{"a":"\ud83d\ude00"},"mediaType":"\#(MediaType.ociManifest)""#),
        #"{"schemaVersion":2,"manifests":[\#(Sample.descriptor(MediaType.ociManifest))]}"#,
        Sample.config(
            #""Env":["A=b"],"Cmd":["x"],"User":"1000:users","Volumes":{"/a":{}},"ExposedPorts":{"80-90/tcp":{}},"#
                + #""StopSignal":"SIGRTMIN+3","Healthcheck":{"Test":["CMD","x"],"Interval":1,"Retries":2},"#
                + #""Labels":{"k":"v"}"#
        ),
        #"[{"Config":"\#(Sample.digest.dropFirst(7)).json","RepoTags":["a/b:c"],"#
            + #""Layers":["blobs/sha256/\#(Sample.digest.dropFirst(7))"]}]"#,
        #"{"busybox":{"latest":"\#(Sample.digest.dropFirst(7))"}}"#,
        "registry.example:5000/team/app:v1@\(Sample.digest)",
        "root:x:0:0:root:/root:/bin/sh\nusers:x:100:root,app\n",
    ]

    private static func damaged(_ text: String, _ numbers: inout Numbers) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &numbers) where !bytes.isEmpty {
            let place = Int.random(in: 0..<bytes.count, using: &numbers)
            switch Int.random(in: 0..<6, using: &numbers) {
            case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &numbers)
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(contentsOf: Array("9223372036854775808".utf8), at: place)
            case 3: bytes.removeSubrange(place...)
            case 4: bytes.insert(contentsOf: bytes[place...].prefix(40), at: place)
            default: bytes.insert(Array(#"{}[]",:\u0-+.e"#.utf8).randomElement(using: &numbers) ?? 0, at: place)
            }
        }
        return bytes
    }

    @Test("every decoder answers or refuses", arguments: 1...8 as ClosedRange<UInt64>)
    func answers(seed: UInt64) {
        var numbers = Numbers(state: seed)
        var outcomes = (answered: 0, refused: 0)
        for _ in 0..<250 {
            for text in Self.good {
                let bytes = Self.damaged(text, &numbers)
                let string = String(decoding: bytes, as: UTF8.self)
                let decoders: [() throws -> Void] = [
                    { _ = try Manifest(parsing: bytes).text },
                    { _ = try ImageIndex(parsing: bytes, as: "it").choice(for: .host) },
                    { _ = try ImageConfig(parsing: bytes).chain },
                    { _ = try ArchiveManifest(parsing: bytes).text },
                    { _ = try ArchiveRepositories(parsing: bytes).references },
                    { _ = try ImageReference(parsing: string).familiar },
                    { _ = try UserSpec(parsing: string) },
                    {
                        _ = try AccountFiles(passwd: bytes, group: bytes).resolve(UserSpec(user: .name("root")))
                    },
                ]
                for decoder in decoders {
                    do {
                        try decoder()
                        outcomes.answered += 1
                    } catch is Failure {
                        outcomes.refused += 1
                    } catch {
                        Issue.record("an error that is no refusal: \(error)")
                    }
                }
            }
        }
        #expect(outcomes.answered > 0)
        #expect(outcomes.refused > outcomes.answered)
    }
}
