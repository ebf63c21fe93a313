public import Diagnostics

/// linux.seccomp as it stands in the document: most of most documents, and what nearly everybody needs of it is whether
/// a filter was compiled from these very bytes before.
public struct SeccompSection: Equatable, Sendable {
    public let text: [UInt8]
    /// The socket whoever answers handed over calls listens at; nil when there is none.
    public let listenerPath: String?
    /// What the listener is told beside the state.
    public let listenerMetadata: String?

    init(_ object: SpecObject) throws(Failure) {
        text = object.text
        let path = try object.string("listenerPath") ?? ""
        listenerPath = path.isEmpty ? nil : path
        listenerMetadata = try object.string("listenerMetadata")
        guard listenerPath != nil || listenerMetadata?.isEmpty != false else {
            throw object.refusal("listenerMetadata", "nobody is told it without a listenerPath")
        }
    }

    /// Whether a rule may hand a call over. Looked for in the bytes: what is written in a roundabout way counts, too.
    public var mayHandOver: Bool { has("SCMP_ACT_NOTIFY") || has("\\u") }

    private func has(_ word: String) -> Bool {
        text.indices.contains { text[$0] == word.utf8.first && text[$0...].starts(with: word.utf8) }
    }

    public static func refusal(_ name: String, _ cause: String) -> Failure {
        SpecObject.refusal("linux.seccomp.\(name)", cause)
    }
}
