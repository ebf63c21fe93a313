import AuditFormat
import Diagnostics
import Testing

@Suite("Evidence that can be shown to others")
struct EvidenceTests {
    private let key = SigningKey()
    private var verifying: VerifyingKey { get throws { try VerifyingKey(key.publicText) } }

    private func bundle(_ sequence: Int64 = 1, after previous: String? = nil) -> EvidenceBundle {
        EvidenceBundle(
            files: [
                ("report.json", Array("{}".utf8)), ("facts/c1.json", Array(repeating: 65, count: 1_000)),
                ("raw/1/status", []),
            ], host: SampleReport.report.host, time: 1_767_225_600, sequence: sequence, previous: previous)
    }

    private func code(_ archive: [UInt8]) throws -> Failure.Code? {
        let key = try verifying
        do throws(Failure) {
            _ = try EvidenceVerification.check(archive, name: "b", key: key)
            return nil
        } catch { return error.code }
    }

    @Test("a whole bundle is sound, and says what it holds")
    func whole() throws {
        let sealed = try bundle().sealed(with: key)
        let sound = try EvidenceVerification.check(sealed.archive, name: "b", key: try verifying)
        #expect(sound.files == ["report.json", "facts/c1.json", "raw/1/status"])
        #expect(sound.hash == sealed.hash && sound.sequence == 1 && sound.host == "h1")
    }

    @Test("no byte of it can be changed")
    func changed() throws {
        let archive = try bundle().sealed(with: key).archive
        // Every header, content and padding of an archive of a few kilobytes, in steps that meet all of them.
        for position in stride(from: 0, to: archive.count, by: 7) {
            var bytes = archive
            bytes[position] ^= 1
            #expect(try code(bytes) != nil, "byte \(position)")
        }
    }

    @Test("it cannot be cut short or lengthened", arguments: [-1_024, -512, -1, 1, 512, 1_024])
    func truncated(_ change: Int) throws {
        let archive = try bundle().sealed(with: key).archive
        let bytes =
            change < 0 ? Array(archive.dropLast(-change)) : archive + [UInt8](repeating: 0, count: change)
        #expect(try code(bytes) == "audit.evidence-damaged")
    }

    @Test("its files cannot be put in another order")
    func reordered() throws {
        let archive = try bundle().sealed(with: key).archive
        // The last two entries: one of 1,000 bytes (a header and two blocks) and an empty one.
        let end = archive.count - 1_024
        let empty = Array(archive[(end - 512)..<end])
        let other = Array(archive[(end - 512 - 1_536)..<(end - 512)])
        let bytes = Array(archive[..<(end - 2_048)]) + empty + other + Array(archive[end...])
        #expect(try code(bytes) == "audit.evidence-changed")
    }

    @Test("another key's signature is refused")
    func wrongKey() throws {
        let archive = try bundle().sealed(with: SigningKey()).archive
        #expect(try code(archive) == "audit.evidence-unsigned")
    }

    @Test("bundles follow each other, and a gap or an exchange is found")
    func chain() throws {
        var sound: [EvidenceVerification.Sound] = []
        var previous: String?
        for sequence in 1...3 {
            let sealed = try bundle(Int64(sequence), after: previous).sealed(with: key)
            previous = sealed.hash
            sound.append(try EvidenceVerification.check(sealed.archive, name: "b", key: try verifying))
        }
        try EvidenceVerification.checkChain(sound)
        try EvidenceVerification.checkChain(Array(sound[1...]))
        #expect(throws: Failure.self) { try EvidenceVerification.checkChain([sound[0], sound[2]]) }
        #expect(throws: Failure.self) { try EvidenceVerification.checkChain([sound[1], sound[0]]) }
    }

    @Test("keys are 64 digits", arguments: ["", "zz", String(repeating: "a", count: 63), "é"])
    func keys(_ text: String) { #expect(throws: Failure.self) { try VerifyingKey(text) } }

    @Test(
        "canonical JSON is the one of RFC 8785",
        arguments: [
            (#"{"b":1,"a":[true,null,"x"]}"#, #"{"a":[true,null,"x"],"b":1}"#),
            (#"{"\u20ac":1,"\r":2,"1":3,"\ud83d\ude00":4}"#, "{\"\\r\":2,\"1\":3,\"\u{20ac}\":1,\"\u{1f600}\":4}"),
            (#"["\u000f\/\"\\\u0008"]"#, #"["\u000f/\"\\\b"]"#), ("[ -9007199254740991 ]", "[-9007199254740991]"),
        ])
    func canonical(_ given: String, _ expected: String) throws {
        #expect(try AuditDocument.read(Array(given.utf8)).canonical == expected)
    }
}
