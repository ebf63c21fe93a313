public import Containers
public import ImageStorage
public import TrustFormat

extension ImageTrust {
    /// What a record keeps of a verdict.
    public init(_ verdict: TrustVerdict, of image: StoredImage) {
        self.init(
            isSigned: verdict.isSigned, keys: verdict.keys, signedDigest: verdict.signedDigest?.description,
            identity: verdict.identity, isPinned: image.isPinned, policyName: verdict.policyName, scope: verdict.scope,
            policy: verdict.policy.description)
    }
}
