import Diagnostics
import OCIFormat

/// Looks through an image's signatures for the first one of a trusted key that is about this image under a fitting
/// name, or says what is wrong with the one that came closest.
struct SignatureSearch {
    enum Result {
        case good(key: String, SignedPayload)
        case none(String)
    }

    let image: ImageEvidence
    let reference: ImageReference?
    let identity: SignedIdentity

    /// Something somebody trusted has signed.
    private struct Signed {
        var key: String
        var payload: [UInt8]
    }

    /// cosign's signatures, by one of `keys`.
    /// - Throws: what checking throws.
    func bare(_ keys: [VerificationKey], _ checks: inout SignatureChecks) throws(Failure) -> Result {
        var signed: [Signed] = []
        var open: [VerificationOrder.Bare] = []
        for case .bare(let payload, let signature) in image.signatures {
            if let key = keys.first(where: { $0.accepts(signature, of: payload) }) {
                signed.append(Signed(key: key.id, payload: payload))
            } else {
                open.append(VerificationOrder.Bare(payload: payload, signature: signature))
            }
        }
        var outcome = judge(signed, as: .cosign)
        let distant = keys.filter(\.needsChecker)
        if case .good = outcome.result { return outcome.result }
        guard !distant.isEmpty, !open.isEmpty else { return outcome.result }
        let answers = try checks.answers(.rsa(keys: distant.map(\.der), signatures: open))
        signed = []
        for (answer, signature) in zip(answers, open) {
            switch answer {
            case .byKey(let index) where distant.indices.contains(index):
                signed.append(Signed(key: distant[index].id, payload: signature.payload))
            case .stranger: continue
            case .bad(let why): outcome.note(1, why)
            case .byKey, .message: throw Self.broken()
            }
        }
        outcome.merge(judge(signed, as: .cosign))
        return outcome.result
    }

    /// Simple signing's, by one of the keys of `keyring`.
    /// - Throws: what checking throws.
    func messages(_ keyring: OpenPGPKeyring, _ checks: inout SignatureChecks) throws(Failure) -> Result {
        var messages: [[UInt8]] = []
        for case .message(let bytes) in image.signatures { messages.append(bytes) }
        let answers = try checks.answers(.openPGP(keyFiles: keyring.files.map(\.content), messages: messages))
        var signed: [Signed] = []
        var noted: [String] = []
        for answer in answers {
            switch answer {
            case .message(let fingerprint, let content):
                signed.append(Signed(key: "openpgp:\(fingerprint)", payload: content))
            case .stranger: continue
            case .bad(let why): noted.append(why)
            case .byKey: throw Self.broken()
            }
        }
        var outcome = judge(signed, as: .simpleSigning)
        for why in noted { outcome.note(1, "a signature is refused: \(why)") }
        return outcome.result
    }

    private struct Outcome {
        var good: (key: String, payload: SignedPayload)?
        var rank = 0
        var why: String

        mutating func note(_ rank: Int, _ why: String) { if rank > self.rank { (self.rank, self.why) = (rank, why) } }

        mutating func merge(_ other: Outcome) {
            if good == nil { good = other.good }
            note(other.rank, other.why)
        }

        var result: Result { good.map { .good(key: $0.key, $0.payload) } ?? .none(why) }
    }

    private func judge(_ signed: [Signed], as kind: SignedPayload.Kind) -> Outcome {
        guard !image.signatures.isEmpty else { return Outcome(why: "it came without a signature") }
        var outcome = Outcome(why: "none of its \(image.signatures.count) signatures is by a key the policy trusts")
        for entry in signed {
            do throws(Failure) {
                let payload = try SignedPayload(parsing: entry.payload, as: kind)
                guard image.digests.contains(payload.digest) else {
                    outcome.note(3, "the trusted signature is of another image, \(payload.digest)")
                    continue
                }
                guard identity.accepts(payload.identity, for: reference) else {
                    outcome.note(4, misfit(payload.identity, kind))
                    continue
                }
                outcome.good = (entry.key, payload)
                return outcome
            } catch {
                outcome.note(2, "what a trusted key signed cannot be read: \(error.cause ?? error.description)")
            }
        }
        return outcome
    }

    private func misfit(_ signed: String, _ kind: SignedPayload.Kind) -> String {
        let asked = reference.map { "not as '\($0)'" } ?? "and the image has no name here"
        let said = "its signer signed it as '\(Untrusted.shown(signed))', \(asked)"
        guard kind == .cosign else { return said }
        return said + "; signatures of cosign hold no tag, which signedIdentity matchRepository allows"
    }

    private static func broken() -> Failure {
        Failure(
            "image.verifier-broken", doing: "verify the image's signatures",
            cause: "the verifier's answer does not fit what it was asked")
    }
}
