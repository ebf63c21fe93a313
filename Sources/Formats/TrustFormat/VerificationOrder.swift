public import Diagnostics
import OCIFormat

/// What the verifier is asked, in one document: several signatures against several keys.
public enum VerificationOrder: Hashable, Sendable {
    public struct Bare: Hashable, Sendable {
        public var payload: [UInt8]
        public var signature: [UInt8]

        public init(payload: [UInt8], signature: [UInt8]) {
            self.payload = payload
            self.signature = signature
        }
    }

    /// Keys are SubjectPublicKeyInfos, DER.
    case rsa(keys: [[UInt8]], signatures: [Bare])
    /// Files with keys as they are; messages are binary.
    case openPGP(keyFiles: [[UInt8]], messages: [[UInt8]])

    static let version: Int64 = 1

    public var count: Int {
        switch self {
        case .rsa(_, let signatures): signatures.count
        case .openPGP(_, let messages): messages.count
        }
    }

    /// - Throws: `image.verifier-order`, and what JSON throws.
    public init(parsing content: [UInt8]) throws(Failure) {
        let bounds = JSONBounds(
            bytes: UInt64(TrustLimits.verifierOrderBytes), depth: 4, values: 4 * TrustLimits.signatures + 128)
        let object = try bounds.object(parsing: content, as: "the verifier's order")
        guard try object.integer("version") == Self.version else { throw object.missing("version") }
        let keys = try object.base64s("keys", entries: TrustLimits.keys, bytes: TrustLimits.keyringBytes)
        switch try object.string("kind", bytes: 16) {
        case "rsa":
            var signatures: [Bare] = []
            for entry in try object.objects("signatures", entries: TrustLimits.signatures) ?? [] {
                signatures.append(
                    Bare(
                        payload: try entry.base64("payload", bytes: TrustLimits.payloadBytes),
                        signature: try entry.base64("signature", bytes: TrustLimits.signatureBytes)))
            }
            self = .rsa(keys: keys, signatures: signatures)
        case "openpgp":
            self = .openPGP(
                keyFiles: keys,
                messages: try object.base64s(
                    "messages", entries: TrustLimits.signatures, bytes: TrustLimits.payloadBytes))
        default: throw object.refusal("image.verifier-order", at: "kind", cause: "it is of no known kind")
        }
    }

    public var text: String {
        let value: JSONValue
        switch self {
        case .rsa(let keys, let signatures):
            value = [
                "version": .number(Self.version), "kind": "rsa", "keys": Self.array(keys),
                "signatures": .array(
                    signatures.map {
                        [
                            "payload": .string(Base64Text.text($0.payload)),
                            "signature": .string(Base64Text.text($0.signature)),
                        ]
                    }),
            ]
        case .openPGP(let keyFiles, let messages):
            value = [
                "version": .number(Self.version), "kind": "openpgp", "keys": Self.array(keyFiles),
                "messages": Self.array(messages),
            ]
        }
        return value.text
    }

    private static func array(_ contents: [[UInt8]]) -> JSONValue {
        .array(contents.map { .string(Base64Text.text($0)) })
    }
}

/// What the verifier says of one signature.
public enum VerificationAnswer: Equatable, Sendable {
    /// This key of the order made it.
    case byKey(Int)
    /// A key with this fingerprint (of the primary key, hexadecimal) made it, and this is what it signed.
    case message(fingerprint: String, content: [UInt8])
    /// None of the keys made it.
    case stranger
    /// It is not to be relied on, whoever made it: a sentence without its full stop.
    case bad(String)
}

/// All the verifier says.
public enum VerificationReport: Equatable, Sendable {
    case answers([VerificationAnswer])
    /// Nothing could be verified. `file`: which of the order's keys is at fault.
    case refusal(file: Int?, cause: String)

    private static let causeBytes = 2_048

    /// - Throws: what JSON throws, and what is missing.
    public init(parsing content: [UInt8]) throws(Failure) {
        let bounds = JSONBounds(
            bytes: UInt64(TrustLimits.verifierAnswerBytes), depth: 4, values: 8 * TrustLimits.signatures + 64)
        let object = try bounds.object(parsing: content, as: "the verifier's answer")
        guard try object.integer("version") == VerificationOrder.version else { throw object.missing("version") }
        if let cause = try object.string("cause", bytes: Self.causeBytes) {
            self = .refusal(file: try object.integer("file").map { Int(clamping: $0) }, cause: cause)
            return
        }
        guard let entries = try object.objects("answers", entries: TrustLimits.signatures) else {
            throw object.missing("answers")
        }
        var answers: [VerificationAnswer] = []
        for entry in entries { answers.append(try Self.answer(entry)) }
        self = .answers(answers)
    }

    private static func answer(_ object: JSONObject) throws(Failure) -> VerificationAnswer {
        if let cause = try object.string("bad", bytes: causeBytes) { return .bad(cause) }
        if let index = try object.integer("key") { return .byKey(Int(clamping: index)) }
        if let fingerprint = try object.string("fingerprint", bytes: 128) {
            return .message(
                fingerprint: fingerprint,
                content: try object.base64("content", bytes: TrustLimits.messagePayloadBytes))
        }
        guard try object.bool("stranger") == true else { throw object.missing("stranger") }
        return .stranger
    }

    public var text: String {
        let value: JSONValue
        switch self {
        case .refusal(let file, let cause):
            var members: [(String, JSONValue)] = [
                ("version", .number(VerificationOrder.version)), ("cause", .string(Self.cut(cause))),
            ]
            if let file { members.append(("file", .number(Int64(file)))) }
            value = .object(.init(uniqueKeysWithValues: members))
        case .answers(let answers):
            value = [
                "version": .number(VerificationOrder.version),
                "answers": .array(
                    answers.map { answer in
                        switch answer {
                        case .byKey(let index): ["key": .number(Int64(index))]
                        case .message(let fingerprint, let content):
                            ["fingerprint": .string(fingerprint), "content": .string(Base64Text.text(content))]
                        case .stranger: ["stranger": .bool(true)]
                        case .bad(let cause): ["bad": .string(Self.cut(cause))]
                        }
                    }),
            ]
        }
        return value.text
    }

    private static func cut(_ cause: String) -> String { String(cause.prefix(400)) }
}

extension JSONObject {
    func base64s(_ name: String, entries: Int, bytes: Int) throws(Failure) -> [[UInt8]] {
        var contents: [[UInt8]] = []
        for text in try strings(name, entries: entries, bytes: (bytes + 2) / 3 * 4) ?? [] {
            guard let content = Base64Text.bytes(text.utf8) else {
                throw refusal("image.verifier-order", at: place(name), cause: "\(place(name)) is not base64")
            }
            contents.append(content)
        }
        return contents
    }
}
