import Diagnostics
import OCIFormat
import Testing

@testable import TrustFormat

/// Answers what a test says, and remembers what it was asked.
final class PlayedChecker: SignatureChecking {
    let answer: (VerificationOrder) -> [VerificationAnswer]
    private(set) var orders: [VerificationOrder] = []

    init(_ answer: @escaping (VerificationOrder) -> [VerificationAnswer]) { self.answer = answer }

    func check(_ order: VerificationOrder) throws(Failure) -> [VerificationAnswer] {
        orders.append(order)
        return answer(order)
    }
}

@Suite("Signatures that another process verifies")
struct CheckerTests {
    let manifest = Digest(of: "manifest".utf8)
    static let type = SignedPayload.Kind.simpleSigning.rawValue

    private func policy(_ requirement: String) throws -> TrustPolicy {
        try TrustPolicy(parsing: Array(#"{"default":[\#(requirement)]}"#.utf8), from: "p") { path in
            Array((path == "/rsa" ? ForeignSignatures.rsa : "-----BEGIN PGP PUBLIC KEY BLOCK-----\n").utf8)
        }
    }

    private var simple: String {
        #"{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k","signedIdentity":{"type":"matchExact"}}"#
    }

    private func image(_ signatures: [ImageSignature]) throws -> ImageEvidence {
        ImageEvidence(
            manifest: manifest, indexes: [], references: [try ImageReference(parsing: "r.example/app:1")],
            signatures: signatures)
    }

    private func payload(
        of digest: Digest? = nil, as name: String = "r.example/app:1", type: String = Self.type
    ) -> [UInt8] {
        Array(Signer.payload(of: "\(digest ?? manifest)", as: name, type: type).utf8)
    }

    private func cause(_ answer: VerificationAnswer, _ requirement: String) throws -> String {
        let checker = PlayedChecker { _ in [answer] }
        let failure = #expect(throws: Failure.self) {
            try policy(requirement).verdict(on: image([.message([0xa3])]), checker: checker)
        }
        #expect(failure?.code == "image.untrusted")
        return failure?.cause ?? ""
    }

    @Test("a message of a trusted key about this image under its name is enough, and says which key")
    func message() throws {
        let content = payload()
        let checker = PlayedChecker { _ in [.stranger, .message(fingerprint: "AB12", content: content)] }
        let verdict = try policy(simple).verdict(on: image([.message([0xa3]), .message([0xc8])]), checker: checker)
        #expect(verdict.isSigned && verdict.keys == ["openpgp:AB12"] && verdict.identity == "r.example/app:1")
        #expect(verdict.signedDigest == manifest && verdict.signatureCount == 2)
        guard case .openPGP(let files, let messages) = checker.orders.first else {
            return #expect(Bool(false), "\(checker.orders)")
        }
        #expect(files.count == 1 && messages == [[0xa3], [0xc8]] && checker.orders.count == 1)
    }

    @Test("of another image, under another name, of cosign's type, unreadable, refused, by nobody: each is said")
    func refused() throws {
        let other = Digest(of: "x".utf8)
        #expect(
            try cause(.message(fingerprint: "A", content: payload(of: other)), simple).contains("of another image"))
        #expect(
            try cause(.message(fingerprint: "A", content: payload(as: "r.example/app:2")), simple)
                .contains("signed it as 'r.example/app:2', not as 'r.example/app:1'"))
        #expect(
            try cause(.message(fingerprint: "A", content: payload(as: "r.example/app")), simple)
                .contains("signed it as 'r.example/app'"))
        #expect(
            try cause(
                .message(fingerprint: "A", content: payload(type: SignedPayload.Kind.cosign.rawValue)), simple
            ).contains("not as 'atomic container signature'"))
        #expect(try cause(.message(fingerprint: "A", content: [1]), simple).contains("cannot be read"))
        #expect(try cause(.bad("the signature has expired"), simple).contains("the signature has expired"))
        #expect(try cause(.stranger, simple).contains("none of its 1 signatures"))
    }

    @Test("answers that do not fit the question are refused")
    func broken() throws {
        for answers in [[], [.stranger, .stranger], [.byKey(0)]] as [[VerificationAnswer]] {
            let failure = #expect(throws: Failure.self) {
                try policy(simple).verdict(on: image([.message([0xa3])]), checker: PlayedChecker { _ in answers })
            }
            #expect(failure?.code == "image.verifier-broken")
        }
        let rsa = #"{"type":"sigstoreSigned","keyPath":"/rsa"}"#
        for answer in [.byKey(1), .byKey(-1), .message(fingerprint: "A", content: [])] as [VerificationAnswer] {
            let failure = #expect(throws: Failure.self) {
                try policy(rsa).verdict(
                    on: image([.bare(payload: [1], signature: [2])]), checker: PlayedChecker { _ in [answer] })
            }
            #expect(failure?.code == "image.verifier-broken")
        }
    }

    @Test("nobody is asked when no signature of that kind is there, and nothing passes when nobody can be asked")
    func unasked() throws {
        let checker = PlayedChecker { _ in [] }
        #expect(throws: Failure.self) { try policy(simple).verdict(on: image([]), checker: checker) }
        let bare = ImageSignature.bare(payload: payload(), signature: [1])
        let failure = #expect(throws: Failure.self) { try policy(simple).verdict(on: image([bare]), checker: checker) }
        #expect(failure?.code == "image.untrusted" && checker.orders.isEmpty)
        let missing = #expect(throws: Failure.self) { try policy(simple).verdict(on: image([.message([0xa3])])) }
        #expect(missing?.code == "image.verifier-missing")
    }

    @Test("an RSA key is asked about what no other key made, once, and neither kind passes for the other")
    func rsa() throws {
        let content = payload(as: "r.example/app:1", type: SignedPayload.Kind.cosign.rawValue)
        let bare = ImageSignature.bare(payload: content, signature: [9])
        let checker = PlayedChecker { _ in [.byKey(0)] }
        let both = #"{"type":"sigstoreSigned","keyPath":"/rsa"}"#
        let verdict = try policy("\(both),\(both)").verdict(on: image([bare, .message([0xa3])]), checker: checker)
        #expect(verdict.keys == [ForeignSignatures.rsaID] && checker.orders.count == 1)
        let simple = ImageSignature.bare(payload: payload(), signature: [9])
        let failure = #expect(throws: Failure.self) { try policy(both).verdict(on: image([simple]), checker: checker) }
        #expect(failure?.cause?.contains("not as 'cosign container image signature'") == true)
    }

    @Test("orders and reports read back as they were written")
    func documents() throws {
        let orders: [VerificationOrder] = [
            .rsa(keys: [[1, 2], []], signatures: [.init(payload: [3], signature: [4, 5])]),
            .openPGP(keyFiles: [[6]], messages: [[7], [8, 9, 10]]),
        ]
        for order in orders { #expect(try VerificationOrder(parsing: Array(order.text.utf8)) == order) }
        let reports: [VerificationReport] = [
            .answers([
                .byKey(3), .message(fingerprint: "AB", content: [1, 2, 3]), .stranger, .bad("it is \"bad\"\u{7}"),
            ]),
            .answers([]), .refusal(file: 2, cause: "no key"), .refusal(file: nil, cause: "no memory"),
        ]
        for report in reports { #expect(try VerificationReport(parsing: Array(report.text.utf8)) == report) }
        for text in ["", "{}", #"{"version":2,"answers":[]}"#, #"{"version":1,"answers":[{}]}"#] {
            #expect(throws: Failure.self) { try VerificationReport(parsing: Array(text.utf8)) }
            #expect(throws: Failure.self) { try VerificationOrder(parsing: Array(text.utf8)) }
        }
    }

    static let files: [(name: String, content: [UInt8], kind: String?)] = [
        ("GnuPG's", [0xa3, 1, 2], "message"), ("a one-pass packet", [0xc4, 1], "message"),
        ("named", [0] + Array("simple-signing\n".utf8) + [0xa3], "message"),
        ("cosign's", cosign(), "bare"), ("empty", [], nil), ("armored", Array("-----BEGIN PGP MESSAGE-----".utf8), nil),
        ("text", Array("hello".utf8), nil), ("without a form", [0, 0x41], nil),
        ("of another form", [0] + Array("x509\n{}".utf8), nil),
        ("named, then empty", [0] + Array("simple-signing\n".utf8), nil),
        ("too long", [0xa3] + [UInt8](repeating: 0, count: TrustLimits.payloadBytes), nil),
        ("of another type", cosign(type: "text/plain"), nil), ("without annotations", cosign(notes: "null"), nil),
        ("with more", cosign(more: #","x":1"#), nil), ("not base64", cosign(payload: "!"), nil),
    ]

    private static func cosign(
        type: String = SignatureManifest.layerType, payload: String = "AQI=",
        notes: String = #"{"dev.cosignproject.cosign/signature":"AwQ="}"#, more: String = ""
    ) -> [UInt8] {
        let json = #"{"mimeType":"\#(type)","payload":"\#(payload)","annotations":\#(notes)\#(more)}"#
        return [0] + Array(("sigstore-json\n" + json).utf8)
    }

    @Test("a signature's file is read by how it begins; a damaged one is not taken for none", arguments: files)
    func file(_ entry: (name: String, content: [UInt8], kind: String?)) throws {
        guard let kind = entry.kind else {
            let failure = #expect(throws: Failure.self) { try SignatureFile.signature(entry.content, from: "s") }
            #expect(failure?.cause != nil, "\(entry.name)")
            return
        }
        switch try SignatureFile.signature(entry.content, from: "s") {
        case .message(let bytes): #expect(kind == "message" && bytes.first.map { $0 >= 0x80 } == true)
        case .bare(let payload, let signature): #expect(kind == "bare" && payload == [1, 2] && signature == [3, 4])
        }
    }

    @Test("the store keeps messages beside bare signatures")
    func stored() throws {
        let signatures: [ImageSignature] = [.message([0xa3, 4]), .bare(payload: [1], signature: [2])]
        let text = SignatureDocument(signatures: signatures).text
        #expect(text == SignatureDocument(signatures: signatures.reversed()).text)
        #expect(Set(try SignatureDocument(parsing: Array(text.utf8)).signatures) == Set(signatures))
    }
}
