/// Every bound on what signatures and policies may be.
public enum TrustLimits {
    /// Of a policy file, and of a file with a key.
    public static let policyBytes = 1 << 20
    public static let keyBytes = 16 << 10
    /// Of a file with OpenPGP keys, which carry what others said of them.
    public static let keyringBytes = 256 << 10
    /// Of the keys in such files together, subkeys not counted.
    public static let keyringKeys = 64
    /// Of RSA keys.
    public static let rsaBits = 2_048...8_192
    public static let policyScopes = 1_024
    public static let requirements = 16
    public static let keys = 16
    /// Signatures of one image. More are a refusal, not a choice of some of them.
    public static let signatures = 64
    /// Of one signed payload; those of the usual tools have about 250 bytes.
    public static let payloadBytes = 64 << 10
    /// Of one signature's base64; RSA with 16,384 bits takes 2,732.
    public static let signatureBytes = 4 << 10
    /// Artifacts beside the images of one layout: signatures, attestations and others.
    public static let artifacts = 1_024
    /// Of what an OpenPGP message holds, unpacked; the usual tools sign about 300 bytes.
    public static let messagePayloadBytes = 32 << 10
    /// Of one file with a signature, as containers/image keeps them: base64 and names included.
    public static let signatureFileBytes = (payloadBytes + signatureBytes) * 2
    /// Of what is asked of the verifier, and what it answers.
    public static let verifierOrderBytes =
        keys * keyringBytes / 3 * 4 + signatures * (signatureFileBytes + 1_024) + 65_536
    public static let verifierAnswerBytes = signatures * (messagePayloadBytes / 3 * 4 + 4_096) + 65_536
    static let payloadDepth = 16
    static let payloadValues = 1_024
}
