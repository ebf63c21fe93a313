public import Diagnostics
public import OCIFormat

extension TrustVerdict {
    public static let recordVersion: Int64 = 1

    public var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("version", .number(Self.recordVersion)), ("signed", .bool(isSigned)),
            ("keys", .array(keys.map { .string($0) })), ("scope", .string(scope)),
            ("policyName", .string(policyName)), ("policy", .string(policy.description)),
            ("signatures", .number(signatureCount)),
        ]
        if let signedDigest { members.append(("signedDigest", .string(signedDigest.description))) }
        if let identity { members.append(("identity", .string(identity))) }
        return .object(.init(uniqueKeysWithValues: members))
    }

    /// Nil for a record of a version nobody here knows: it is only shown, never decided by.
    public init?(_ object: JSONObject) throws(Failure) {
        guard try object.integer("version") == Self.recordVersion else { return nil }
        guard let isSigned = try object.bool("signed"), let policy = try object.string("policy", bytes: 128) else {
            throw object.missing("signed")
        }
        self.isSigned = isSigned
        self.policy = try Digest(parsing: policy, field: object.place("policy"))
        keys = try object.strings("keys", entries: TrustLimits.keys * TrustLimits.requirements, bytes: 128) ?? []
        scope = try object.string("scope", bytes: 4_096) ?? ""
        policyName = try object.string("policyName", bytes: 4_096) ?? ""
        signatureCount = Int(clamping: try object.integer("signatures") ?? 0)
        signedDigest = try object.string("signedDigest", bytes: 128).map { (text: String) throws(Failure) in
            try Digest(parsing: text, field: object.place("signedDigest"))
        }
        identity = try object.string("identity", bytes: 1_024)
    }
}
