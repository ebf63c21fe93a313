import CCryptography
import TrustFormat

/// RSA signatures, RFC 8017: RSASSA-PKCS1-v1_5 and RSASSA-PSS with SHA-256, SHA-384 and SHA-512, by OpenSSL's
/// libcrypto. A signature does not say how it was made, so each way is tried.
enum RSAVerifier {
    /// Nothing of the host's configuration of OpenSSL is read: it could add providers.
    static func prepare() {
        OPENSSL_init_crypto(
            UInt64(OPENSSL_INIT_NO_LOAD_CONFIG) | UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
        // What is looked up by name is found while the libraries may still look.
        for digest in digests { _ = EVP_MD_get_size(digest) }
    }

    private static var digests: [OpaquePointer?] { [EVP_sha256(), EVP_sha384(), EVP_sha512()] }
    private static let paddings = [RSA_PKCS1_PADDING, RSA_PKCS1_PSS_PADDING]
    /// RSA_PSS_SALTLEN_AUTO: signers choose a length of their own, the digest's or the longest.
    private static let anySaltLength: Int32 = -2

    static func report(keys: [[UInt8]], signatures: [VerificationOrder.Bare]) -> VerificationReport {
        var loaded: [Key] = []
        for (index, der) in keys.enumerated() {
            guard let key = Key(der) else {
                return .refusal(file: index, cause: "libcrypto does not take it for an RSA key of a usual size")
            }
            loaded.append(key)
        }
        return .answers(
            signatures.map { signature in
                loaded.firstIndex { $0.made(signature) }.map { .byKey($0) } ?? .stranger
            })
    }

    private final class Key {
        private let key: OpaquePointer

        init?(_ der: [UInt8]) {
            let (key, consumed) = der.withUnsafeBufferPointer { bytes in
                var place = bytes.baseAddress
                let key = d2i_PUBKEY(nil, &place, bytes.count)
                return (key, place.map { $0 - (bytes.baseAddress ?? $0) })
            }
            guard let key else { return nil }
            guard consumed == der.count, EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA,
                TrustLimits.rsaBits.contains(Int(EVP_PKEY_get_bits(key)))
            else {
                EVP_PKEY_free(key)
                return nil
            }
            self.key = key
        }

        deinit { EVP_PKEY_free(key) }

        func made(_ signed: VerificationOrder.Bare) -> Bool {
            // As long as the modulus, always: RFC 8017 8.1.2 and 8.2.2, step 1.
            guard signed.signature.count == Int(EVP_PKEY_get_size(key)) else { return false }
            return RSAVerifier.digests.contains { digest in
                RSAVerifier.paddings.contains { verifies(signed, digest, padding: $0) }
            }
        }

        private func verifies(_ signed: VerificationOrder.Bare, _ digest: OpaquePointer?, padding: Int32) -> Bool {
            guard let context = EVP_MD_CTX_new() else { return false }
            defer { EVP_MD_CTX_free(context) }
            var settings: OpaquePointer?
            guard EVP_DigestVerifyInit(context, &settings, digest, nil, key) == 1,
                EVP_PKEY_CTX_set_rsa_padding(settings, padding) == 1
            else { return false }
            if padding == RSA_PKCS1_PSS_PADDING {
                guard EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSAVerifier.anySaltLength) == 1 else { return false }
            }
            return EVP_DigestVerify(
                context, signed.signature, signed.signature.count, signed.payload, signed.payload.count) == 1
        }
    }
}
