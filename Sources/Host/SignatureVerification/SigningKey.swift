import COpenPGP
import LinuxKernel
import TrustFormat

/// The key that made a signature: whether it may have, then and now.
struct SigningKey {
    private let key: KeyHandle
    /// Of a subkey: the key it belongs to.
    private let primary: KeyHandle
    private let signature: OpaquePointer

    var primaryFingerprint: String { primary.fingerprint }

    /// Clocks of signers may be a little ahead.
    private static let secondsAhead = 300.0

    /// Nil when none of the keys made it.
    init?(of signature: OpaquePointer, in library: OpaquePointer) throws(MessageFault) {
        var found: OpaquePointer?
        guard rnp_op_verify_signature_get_key(signature, &found) == 0, let found else { return nil }
        self.signature = signature
        key = try KeyHandle(owning: found)
        guard let above = try key.primaryFingerprint() else {
            primary = key
            return
        }
        var located: OpaquePointer?
        guard rnp_locate_key(library, "fingerprint", above, &located) == 0, let located else {
            throw MessageFault("the subkey \(key.fingerprint) belongs to no key there is")
        }
        primary = try KeyHandle(owning: located)
    }

    /// Keys first: what librnp says of a signature by a key that counts for nothing is only that it is invalid.
    func check(status: UInt32, _ packets: MessagePackets) throws(MessageFault) {
        for one in primary === key ? [key] : [primary, key] { try one.check() }
        guard try key.maySign() else {
            throw MessageFault("the key \(key.fingerprint) is not for signing")
        }
        var made: UInt32 = 0
        var expires: UInt32 = 0
        guard rnp_op_verify_signature_get_times(signature, &made, &expires) == 0 else {
            throw MessageFault("librnp does not say when it was signed")
        }
        // What is from the future counts as expired to librnp.
        guard Double(made) <= HostFacts.wallClock() + Self.secondsAhead else {
            throw MessageFault("it was signed in the future")
        }
        switch status {
        case 0: break
        case UInt32(RNP_ERROR_SIGNATURE_EXPIRED): throw MessageFault("the signature has expired")
        case UInt32(RNP_ERROR_SIGNATURE_INVALID):
            throw MessageFault(
                "the key \(key.fingerprint) did not make this signature of what the message holds now")
        default:
            throw MessageFault("librnp refuses the signature (\(OpenPGPVerifier.meaning(of: status)))")
        }
        var name: UnsafeMutablePointer<CChar>?
        guard rnp_op_verify_signature_get_hash(signature, &name) == 0, let name else {
            throw MessageFault("librnp does not say which digest was signed")
        }
        defer { rnp_buffer_destroy(name) }
        guard MessagePackets.digests.contains(String(cString: name)), String(cString: name) == packets.digest else {
            throw MessageFault("it is signed with \(String(cString: name)), not with SHA-256, SHA-384 or SHA-512")
        }
    }
}

/// A key of librnp's.
private final class KeyHandle {
    private let handle: OpaquePointer
    let fingerprint: String

    private static let curves: Set<String> = ["NIST P-256", "NIST P-384", "NIST P-521", "Ed25519"]

    init(owning handle: OpaquePointer) throws(MessageFault) {
        self.handle = handle
        guard let text = KeyHandle.text({ rnp_key_get_fprint(handle, $0) }) else {
            throw MessageFault("librnp does not say which key signed it")
        }
        fingerprint = text
    }

    deinit { rnp_key_handle_destroy(handle) }

    /// Nil for a primary key.
    func primaryFingerprint() throws(MessageFault) -> String? {
        guard try holds("belongs to another", rnp_key_is_sub) else { return nil }
        guard let text = KeyHandle.text({ rnp_key_get_primary_fprint(handle, $0) }) else {
            throw MessageFault("the subkey \(fingerprint) belongs to no key")
        }
        return text
    }

    func maySign() throws(MessageFault) -> Bool {
        var allowed = false
        guard rnp_key_allows_usage(handle, "sign", &allowed) == 0 else {
            throw MessageFault("librnp does not say what the key \(fingerprint) is for")
        }
        return allowed
    }

    func check() throws(MessageFault) {
        guard try !holds("is revoked", rnp_key_is_revoked) else { throw fault("is revoked") }
        guard try !holds("has expired", rnp_key_is_expired) else { throw fault("has expired") }
        guard try holds("is valid", rnp_key_is_valid) else {
            throw fault("is bound by no good signature of its own; those with SHA-1 or MD5 count for nothing")
        }
        guard let algorithm = KeyHandle.text({ rnp_key_get_alg(handle, $0) }) else {
            throw fault("is of a kind that librnp does not say")
        }
        switch algorithm {
        case "RSA":
            var bits: UInt32 = 0
            guard rnp_key_get_bits(handle, &bits) == 0, TrustLimits.rsaBits.contains(Int(bits)) else {
                throw fault(
                    "is an RSA key of \(bits) bits, and \(TrustLimits.rsaBits.lowerBound) to "
                        + "\(TrustLimits.rsaBits.upperBound) are accepted")
            }
        case "ECDSA", "EDDSA":
            let curve = KeyHandle.text { rnp_key_get_curve(handle, $0) } ?? "no curve"
            guard KeyHandle.curves.contains(curve) else { throw fault("is on the curve \(curve)") }
        default: throw fault("is of the kind \(algorithm); RSA, ECDSA and EdDSA are accepted")
        }
    }

    private func fault(_ what: String) -> MessageFault { MessageFault("the key \(fingerprint) \(what)") }

    private func holds(
        _ what: String, _ question: (OpaquePointer?, UnsafeMutablePointer<Bool>?) -> UInt32
    ) throws(MessageFault) -> Bool {
        var answer = false
        guard question(handle, &answer) == 0 else {
            throw MessageFault("librnp does not say whether the key \(fingerprint) \(what)")
        }
        return answer
    }

    private static func text(
        _ ask: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> UInt32
    ) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard ask(&text) == 0, let text else { return nil }
        defer { rnp_buffer_destroy(text) }
        return String(cString: text)
    }
}
