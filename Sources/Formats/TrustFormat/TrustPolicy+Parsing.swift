public import Diagnostics
import OCIFormat

extension TrustPolicy {
    private static let code: Failure.Code = "image.policy-invalid"
    /// Where images of other programs come from. None comes to us that way, so a list there counts for nothing: one
    /// that asks for something is refused.
    private static let otherTransports: Set<String> = [
        "atomic", "containers-storage", "dir", "docker-archive", "docker-daemon", "oci", "oci-archive", "ostree", "sif",
        "tarball",
    ]

    /// Reads a policy. `readKey` gives the content of a file a requirement names, by its absolute path.
    /// - Throws: `image.policy-invalid`, `image.policy-unsupported`, what keys throw, and what `readKey` throws.
    public init(
        parsing content: [UInt8], from name: String, readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        let bounds = JSONBounds(bytes: UInt64(TrustLimits.policyBytes), depth: 8, values: 65_536)
        let object = try bounds.object(parsing: content, as: "the image policy \(name)")
        try object.allow(["default", "transports"], Self.code)
        guard let fallback = try Self.requirements("default", of: object, readKey) else {
            throw object.missing("default")
        }
        var scopes: [String: [Requirement]] = [:]
        if let transports = try object.object("transports") {
            for transport in transports.members.keys {
                guard let lists = try transports.object(transport) else { continue }
                let known = try Self.scopes(lists, of: transport, readKey)
                if transport == "docker" { scopes = known }
            }
        }
        self.init(name: name, digest: Digest(of: content), fallback: fallback, scopes: scopes)
    }

    private static func scopes(
        _ lists: JSONObject, of transport: String, _ readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [String: [Requirement]] {
        guard transport == "docker" || otherTransports.contains(transport) else {
            throw lists.refusal(code, at: lists.path, cause: "'\(transport.prefix(64))' is no transport")
        }
        guard lists.members.count <= TrustLimits.policyScopes else {
            throw lists.refusal(
                code, at: lists.path, cause: "it has \(lists.members.count) scopes",
                limit: "scopes \(TrustLimits.policyScopes)")
        }
        var scopes: [String: [Requirement]] = [:]
        for scope in lists.members.keys {
            if transport == "docker" { try check(scope: scope, in: lists) }
            guard let list = try requirements(scope, of: lists, readKey) else { throw lists.missing(scope) }
            if transport != "docker" {
                let asksForNothing = list.allSatisfy { if case .acceptAnything = $0 { true } else { false } }
                guard asksForNothing else {
                    throw Failure(
                        "image.policy-unsupported", doing: "use the policy's list for the transport", on: transport,
                        cause: "images are known by their names here, whatever they came in",
                        remedy: "write the list under transports.docker, with the image's name as its scope",
                        field: lists.place(scope))
                }
            }
            scopes[scope] = list
        }
        return scopes
    }

    /// A scope nothing could ever fit would be a rule that looks as if it held.
    private static func check(scope: String, in lists: JSONObject) throws(Failure) {
        guard !scope.isEmpty else { return }
        func refusal(_ cause: String) -> Failure {
            lists.refusal(code, at: lists.place(String(scope.prefix(256))), cause: cause)
        }
        let host = scope.begins(with: "*.") ? scope.dropFirst(2) : scope[...]
        let first = host.cut(at: "/", omittingEmptySubsequences: false).first ?? ""
        let isDomain = scope.begins(with: "*.") || first.has(".") || first.has(":") || first == "localhost"
        guard isDomain else {
            throw refusal("the scope '\(scope.prefix(64))' has no registry; write docker.io/library/NAME, for example")
        }
        let isHost = !host.has("/")
        guard !scope.begins(with: "*.") || isHost else { throw refusal("only a host may begin with '*.'") }
        do throws(Failure) {
            let reference = try ImageReference(
                parsing: isHost ? "\(scope.begins(with: "*.") ? "any." : "")\(host)/any" : String(host))
            guard isHost || reference.description == host || reference.name == host else {
                throw refusal("the scope must be written in full: \(reference.name)")
            }
        } catch {
            throw error.code == code ? error : refusal("the scope is no name of an image: \(error.cause ?? "")")
        }
    }

    private static func requirements(
        _ name: String, of object: JSONObject, _ readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [Requirement]? {
        guard let entries = try object.objects(name, entries: TrustLimits.requirements) else { return nil }
        guard !entries.isEmpty else {
            throw object.refusal(
                code, at: object.place(name), cause: "the list is empty; write insecureAcceptAnything or reject")
        }
        var list: [Requirement] = []
        for entry in entries { list.append(try requirement(entry, readKey)) }
        return list
    }

    private static func requirement(
        _ object: JSONObject, _ readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Requirement {
        switch try object.string("type", bytes: 64) {
        case "insecureAcceptAnything":
            try object.allow(["type"], code)
            return .acceptAnything
        case "reject":
            try object.allow(["type"], code)
            return .reject
        case "sigstoreSigned":
            try refuseKeyless(object)
            try object.allow(["type", "keyPath", "keyPaths", "keyData", "keyDatas", "signedIdentity"], code)
            let identity = try object.object("signedIdentity").map { (member: JSONObject) throws(Failure) in
                try SignedIdentity(member)
            }
            return .signed(keys: try keys(object, readKey), identity: identity ?? .matchRepoDigestOrExact)
        case "signedBy": return try signedBy(object, readKey)
        case let other:
            throw object.refusal(code, at: object.place("type"), cause: "'\(other ?? "")' is no requirement")
        }
    }

    /// containers-policy.json(5) knows four kinds of keys and only ever accepts one.
    private static func signedBy(
        _ object: JSONObject, _ readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Requirement {
        try object.allow(["type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"], code)
        let type = try object.string("keyType", bytes: 64)
        guard type == "GPGKeys" else {
            throw Failure(
                "image.policy-unsupported", doing: "use the policy's keyType", on: type ?? "(none)",
                cause: "only keys of OpenPGP are used, from files and not by way of others",
                remedy: "write \"keyType\": \"GPGKeys\" and name the signers' own keys",
                field: object.place("keyType"))
        }
        var keyring = OpenPGPKeyring()
        for (content, name) in try keyFiles(object, TrustLimits.keyringBytes, readKey) {
            try keyring.add(content, from: name)
        }
        let identity = try object.object("signedIdentity").map { (member: JSONObject) throws(Failure) in
            try SignedIdentity(member)
        }
        return .signedBy(keyring, identity: identity ?? .matchRepoDigestOrExact)
    }

    private static func refuseKeyless(_ object: JSONObject) throws(Failure) {
        let names = [
            "fulcio", "pki", "rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData", "rekorPublicKeyDatas",
        ]
        for name in names where object.members[name] != nil {
            throw Failure(
                "image.policy-unsupported", doing: "use the policy's member", on: name,
                cause: "only signatures made with a key are verified, without asking a log or a certificate authority",
                remedy: "sign with 'cosign sign --key', and give the public key with keyPath", field: object.place(name)
            )
        }
    }

    private static func keys(
        _ object: JSONObject, _ readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [VerificationKey] {
        var keys: [VerificationKey] = []
        for (content, name) in try keyFiles(object, TrustLimits.keyBytes, readKey) {
            keys.append(try VerificationKey(pem: content, from: name))
        }
        return keys
    }

    /// What the one member that names keys leads to, and what each is called.
    private static func keyFiles(
        _ object: JSONObject, _ limit: Int, _ readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [(content: [UInt8], name: String)] {
        let sources = ["keyPath", "keyPaths", "keyData", "keyDatas"].filter { object.value($0) != nil }
        guard sources.count == 1, let source = sources.first else {
            throw object.refusal(
                code, at: object.path,
                cause: sources.isEmpty
                    ? "it names no key: give keyPath, keyPaths, keyData or keyDatas"
                    : "it has \(sources.joined(separator: " and ")), and only one of them is allowed")
        }
        let texts: [String]
        if source.ends(with: "s") {
            texts = try object.strings(source, entries: TrustLimits.keys, bytes: limit * 2) ?? []
        } else {
            texts = try object.string(source, bytes: limit * 2).map { [$0] } ?? []
        }
        guard !texts.isEmpty else { throw object.refusal(code, at: object.place(source), cause: "it names no key") }
        var files: [(content: [UInt8], name: String)] = []
        for text in texts { files.append(try keyFile(text, source, object, readKey)) }
        return files
    }

    private static func keyFile(
        _ text: String, _ source: String, _ object: JSONObject, _ readKey: (String) throws(Failure) -> [UInt8]
    ) throws(Failure) -> (content: [UInt8], name: String) {
        if source.begins(with: "keyData") {
            guard let content = Base64Text.bytes(text.utf8) else {
                throw object.refusal(code, at: object.place(source), cause: "\(object.place(source)) is not base64")
            }
            return (content, object.place(source))
        }
        guard text.begins(with: "/") else {
            throw object.refusal(
                code, at: object.place(source), cause: "'\(text.prefix(256))' does not begin with /")
        }
        return (try readKey(text), text)
    }
}
