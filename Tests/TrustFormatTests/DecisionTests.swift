import Diagnostics
import OCIFormat
import Testing

@testable import TrustFormat

@Suite("Whether an image is trusted")
struct DecisionTests {
    let signer = Signer()
    let stranger = Signer()
    let manifest = Digest(of: "manifest".utf8)
    let index = Digest(of: "index".utf8)

    private func policy(_ identity: String = "matchRepository", more: String = "") throws -> TrustPolicy {
        let pem = signer.pem
        let text =
            #"{"default":[{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"\#(identity)"}}\#(more)]}"#
        return try TrustPolicy(parsing: Array(text.utf8), from: "p") { _ in Array(pem.utf8) }
    }

    private func image(_ signatures: [ImageSignature], _ names: [String] = ["r.example/app:1"]) throws -> ImageEvidence
    {
        ImageEvidence(
            manifest: manifest, indexes: [index], references: try names.map { try ImageReference(parsing: $0) },
            signatures: signatures)
    }

    @Test("a good signature of the manifest, or of the index it was chosen from, is enough", arguments: [true, false])
    func good(_ ofIndex: Bool) throws {
        let digest = ofIndex ? index : manifest
        let signature = try signer.signature(of: digest, as: "r.example/app")
        let other = try stranger.signature(of: digest, as: "r.example/app")
        let policy = try policy()
        let verdict = try policy.verdict(on: image([other, signature]))
        #expect(verdict.isSigned && verdict.signedDigest == digest && verdict.identity == "r.example/app")
        #expect(verdict.keys == [try VerificationKey(pem: Array(signer.pem.utf8), from: "").id])
        #expect(verdict.policy == policy.digest && verdict.scope == "default" && verdict.signatureCount == 2)
    }

    @Test("a policy that asks for nothing lets an unsigned image through, and says so")
    func permissive() throws {
        let verdict = try TrustPolicy.permissive.verdict(on: image([]))
        #expect(!verdict.isSigned && verdict.keys.isEmpty && verdict.policyName == "permissive")
    }

    private func refusal(_ image: ImageEvidence, _ policy: TrustPolicy) -> Failure? {
        #expect(throws: Failure.self) { try policy.verdict(on: image) }
    }

    @Test("nothing is let through under reject")
    func reject() throws {
        let signature = try signer.signature(of: manifest, as: "r.example/app")
        let failure = refusal(try image([signature]), .reject)
        #expect(failure?.code == "image.untrusted" && failure?.subject == "r.example/app:1")
    }

    @Test("no signature, a stranger's, one of another image, one under another name: each is said")
    func bad() throws {
        let policy = try policy()
        let cases: [([ImageSignature], String)] = [
            ([], "without a signature"),
            ([try stranger.signature(of: manifest, as: "r.example/app")], "none of its 1 signatures"),
            ([try signer.signature(of: Digest(of: "x".utf8), as: "r.example/app")], "of another image"),
            ([try signer.signature(of: manifest, as: "r.example/other")], "signed it as 'r.example/other'"),
            ([try signer.signature(over: "{}")], "cannot be read"),
            (
                [try signer.signature(of: manifest, as: "r.example/other"), try signer.signature(over: "{}")],
                "signed it as"
            ),
        ]
        for (signatures, words) in cases {
            let failure = refusal(try image(signatures), policy)
            #expect(
                failure?.code == "image.untrusted" && failure?.cause?.contains(words) == true, "\(failure?.cause ?? "")"
            )
            #expect(failure?.cause?.contains("\(manifest)") == true && failure?.remedy != nil)
        }
    }

    @Test("a signature is not moved to another payload")
    func moved() throws {
        let payload = Array(Signer.payload(of: "\(manifest)", as: "r.example/app").utf8)
        guard case .bare(_, let signature) = try signer.signature(of: Digest(of: "x".utf8), as: "r.example/app") else {
            return #expect(Bool(false), "it is no bare signature")
        }
        let moved = ImageSignature.bare(payload: payload, signature: signature)
        #expect(refusal(try image([moved]), try policy()) != nil)
    }

    @Test("every requirement of a list must be met")
    func all() throws {
        let signature = try signer.signature(of: manifest, as: "r.example/app")
        #expect(try policy(more: #",{"type":"insecureAcceptAnything"}"#).verdict(on: image([signature])).isSigned)
        #expect(refusal(try image([signature]), try policy(more: #",{"type":"reject"}"#)) != nil)
        let strange = Array(stranger.pem.utf8)
        let own = Array(signer.pem.utf8)
        let identity = #""signedIdentity":{"type":"matchRepository"}"#
        let both = try TrustPolicy(
            parsing: Array(
                (#"{"default":[{"type":"sigstoreSigned","keyPath":"/a",\#(identity)},"#
                    + #"{"type":"sigstoreSigned","keyPath":"/b",\#(identity)}]}"#).utf8), from: "p"
        ) { $0 == "/a" ? own : strange }
        #expect(refusal(try image([signature]), both) != nil)
        let second = try stranger.signature(of: manifest, as: "r.example/app")
        #expect(try both.verdict(on: image([signature, second])).keys.count == 2)
    }

    @Test("an image of several names needs one that passes; one without a name passes only by what it is")
    func names() throws {
        let signature = try signer.signature(of: manifest, as: "r.example/app")
        #expect(try policy().verdict(on: image([signature], ["other", "r.example/app:1"])).isSigned)
        #expect(refusal(try image([signature], []), try policy()) != nil)
    }

    static let payloads: [(String, Failure.Code)] = [
        ("", "image.document-syntax"),
        ("[]", "image.document-type"),
        ("{}", "image.document-member-missing"),
        (Signer.payload(of: "sha256:00", as: "a"), "image.digest-invalid"),
        (Signer.payload(of: "md5:00", as: "a"), "image.digest-algorithm"),
        (
            Signer.payload(of: ForeignSignatures.digest, as: "a", type: "atomic container signature"),
            "image.signature-payload"
        ),
        (Signer.payload(of: ForeignSignatures.digest, as: "a", more: #","x":1"#), "image.signature-payload"),
        (
            Signer.payload(of: ForeignSignatures.digest, as: "a", more: #","image":{}"#),
            "image.document-duplicate-member"
        ),
        (Signer.payload(of: ForeignSignatures.digest, as: "a") + "x", "image.document-syntax"),
        (#"{"critical":{"#, "image.document-syntax"),
        (#"{"critical":{"type":"cosign container image signature","image":"x"}}"#, "image.document-type"),
        (String(repeating: #"{"critical":"#, count: 40), "image.document-too-deep"),
        ("{\"optional\":\"" + String(repeating: "a", count: 70_000) + "\"}", "image.document-too-large"),
    ]

    @Test("a payload that is not exactly one is refused", arguments: payloads)
    func payload(_ text: String, _ code: Failure.Code) {
        let failure = #expect(throws: Failure.self) { try SignedPayload(parsing: Array(text.utf8), as: .cosign) }
        #expect(failure?.code == code)
    }

    @Test("the store's document of signatures reads back as it was written")
    func document() throws {
        let signatures = [
            try signer.signature(of: manifest, as: "b"), try stranger.signature(of: index, as: "a"),
        ]
        let text = SignatureDocument(signatures: signatures).text
        #expect(text == SignatureDocument(signatures: signatures.reversed()).text)
        #expect(Set(try SignatureDocument(parsing: Array(text.utf8)).signatures) == Set(signatures))
        #expect(throws: Failure.self) { try SignatureDocument(parsing: Array(text.replacing("1,", with: "2,").utf8)) }
    }
}
