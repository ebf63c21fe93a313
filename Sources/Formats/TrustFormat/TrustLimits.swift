/// Every bound on what signatures and policies may be.
public enum TrustLimits {
    /// Of a policy file, and of a file with a key.
    public static let policyBytes = 1 << 20
    public static let keyBytes = 16 << 10
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
    static let payloadDepth = 16
    static let payloadValues = 1_024
}
