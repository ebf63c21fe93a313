import COpenPGP
import Diagnostics
import LinuxKernel
import TrustFormat

/// OpenPGP messages, by librnp: every parser of keys and packets is its. What is added here only refuses more.
final class OpenPGPVerifier {
    private let library: OpaquePointer

    /// - Throws: `image.verifier-library`.
    init() throws(Failure) {
        var library: OpaquePointer?
        guard rnp_ffi_create(&library, "GPG", "GPG") == 0, let library else { throw Self.unusable("begin") }
        self.library = library
        // Neither data nor keys are believed for a digest somebody can make two messages of.
        for digest in ["MD5", "SHA1", "RIPEMD160"] {
            guard
                rnp_add_security_rule(
                    library, "hash algorithm", digest, UInt32(RNP_SECURITY_OVERRIDE), 0,
                    UInt32(RNP_SECURITY_PROHIBITED)) == 0
            else { throw Self.unusable("refuse \(digest)") }
        }
    }

    deinit { rnp_ffi_destroy(library) }

    private static func unusable(_ what: String) -> Failure {
        Failure("image.verifier-library", doing: what, cause: "librnp does not do it")
    }

    func report(keyFiles: [[UInt8]], messages: [[UInt8]]) -> VerificationReport {
        for (index, content) in keyFiles.enumerated() {
            if let cause = add(content) { return .refusal(file: index, cause: cause) }
        }
        return .answers(messages.map(answer))
    }

    /// What is wrong with a file of keys, or nil.
    private func add(_ content: [UInt8]) -> String? {
        let input: LibraryInput
        do throws(MessageFault) { input = try LibraryInput(content) } catch { return error.cause }
        // Secret keys as well, so that they are seen and refused.
        let both = UInt32(RNP_LOAD_SAVE_PUBLIC_KEYS | RNP_LOAD_SAVE_SECRET_KEYS)
        let result = rnp_import_keys(library, input.handle, both, nil)
        guard result == 0 else { return "librnp cannot read it as OpenPGP keys (\(Self.meaning(of: result)))" }
        var secret = 0
        var count = 0
        guard rnp_get_secret_key_count(library, &secret) == 0, rnp_get_public_key_count(library, &count) == 0 else {
            return "librnp cannot count its keys"
        }
        guard secret == 0 else { return "it holds a private key, which has no business on a host that verifies" }
        guard count > 0 else { return "there is no key in it" }
        guard count <= TrustLimits.keyringKeys * 4 else { return "there are \(count) keys and subkeys" }
        return nil
    }

    private func answer(_ message: [UInt8]) -> VerificationAnswer {
        do throws(MessageFault) {
            let inner = try CompressedMessage.unpacked(message)
            let packets = try MessagePackets(inner)
            return try verified(inner, packets)
        } catch {
            return .bad(error.cause)
        }
    }

    private func verified(_ message: [UInt8], _ packets: MessagePackets) throws(MessageFault) -> VerificationAnswer {
        let input = try LibraryInput(message)
        var output: OpaquePointer?
        var operation: OpaquePointer?
        defer {
            rnp_op_verify_destroy(operation)
            rnp_output_destroy(output)
        }
        guard rnp_output_to_memory(&output, TrustLimits.messagePayloadBytes) == 0,
            rnp_op_verify_create(&operation, library, input.handle, output) == 0,
            rnp_op_verify_set_flags(operation, UInt32(RNP_VERIFY_REQUIRE_ALL_SIGS)) == 0
        else { throw MessageFault("librnp does not begin to verify it") }
        let result = rnp_op_verify_execute(operation)
        var count = 0
        guard rnp_op_verify_get_signature_count(operation, &count) == 0, count == 1 else {
            throw MessageFault("librnp finds \(count) signatures in it (\(Self.meaning(of: result)))")
        }
        var signature: OpaquePointer?
        guard rnp_op_verify_get_signature_at(operation, 0, &signature) == 0, let signature else {
            throw MessageFault("librnp does not give its signature")
        }
        guard let key = try SigningKey(of: signature, in: library) else { return .stranger }
        try key.check(status: rnp_op_verify_signature_get_status(signature), packets)
        guard result == 0 else { throw MessageFault("librnp refuses it (\(Self.meaning(of: result)))") }
        withExtendedLifetime(input) {}
        return .message(fingerprint: key.primaryFingerprint, content: try Self.content(output))
    }

    private static func content(_ output: OpaquePointer?) throws(MessageFault) -> [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard rnp_output_memory_get_buf(output, &bytes, &count, false) == 0, let bytes,
            (1...TrustLimits.messagePayloadBytes).contains(count)
        else {
            throw MessageFault("it holds nothing, or more than \(TrustLimits.messagePayloadBytes) bytes")
        }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    static func meaning(of result: UInt32) -> String {
        rnp_result_to_string(result).map { String(cString: $0) } ?? "error \(result)"
    }
}

/// Why a message is refused: a sentence without its full stop.
struct MessageFault: Error {
    var cause: String
    init(_ cause: String) { self.cause = cause }
}
