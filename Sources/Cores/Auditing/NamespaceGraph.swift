public import AuditFormat

/// Who is in which namespace: containers as they are, not as somebody started them.
public struct NamespaceGraph: Codable, Equatable, Sendable {
    public struct Namespace: Codable, Equatable, Sendable {
        public var kind: String
        public var inode: UInt64
        /// Nil where it could not be observed which is the host's.
        public var isHost: Bool?
        /// Ids of subjects, sorted.
        public var members: [String]
    }

    public static let schemaName = "bulkhead-namespaces/1"
    public var schema: String
    public var subjects: [Subject]
    /// By kind, then by inode.
    public var namespaces: [Namespace]

    /// `inodes` of each subject and of the host, by kind.
    public init(_ subjects: [(subject: Subject, inodes: [String: UInt64])], host: [String: UInt64]) {
        struct Key: Hashable {
            var kind: String
            var inode: UInt64
        }
        var members: [Key: Set<String>] = [:]
        for (subject, inodes) in subjects {
            for (kind, inode) in inodes { members[Key(kind: kind, inode: inode), default: []].insert(subject.id) }
        }
        schema = Self.schemaName
        self.subjects = subjects.map(\.subject)
        namespaces = members.map { key, ids in
            Namespace(
                kind: key.kind, inode: key.inode, isHost: host[key.kind].map { $0 == key.inode }, members: ids.sorted())
        }.sorted { ($0.kind, $0.inode) < ($1.kind, $1.inode) }
    }

    public func namespace(_ kind: String, of id: String) -> Namespace? {
        namespaces.first { $0.kind == kind && $0.members.contains(id) }
    }

    /// One word for a table: `own`, `HOST`, `unknown`, or with whom it is shared.
    public func word(_ kind: String, of id: String) -> String {
        guard let space = namespace(kind, of: id) else { return "none" }
        if space.isHost == true { return "HOST" }
        let others = space.members.filter { $0 != id }.map(name)
        if !others.isEmpty { return "with " + others.joined(separator: ", ") }
        return space.isHost == nil ? "unknown" : "own"
    }

    private func name(_ id: String) -> String { subjects.first { $0.id == id }?.shownName ?? id }

    /// As Graphviz draws it, dot(1): a box for each subject, an edge to each namespace it is not alone in.
    public var dot: String {
        var lines = ["graph namespaces {", "  node [shape=box];"]
        lines += subjects.map { "  \(Self.quoted($0.id)) [label=\(Self.quoted($0.shownName))];" }
        for space in namespaces where space.members.count > 1 || space.isHost == true {
            let name = Self.quoted("\(space.kind):[\(space.inode)]")
            let isHost = space.isHost == true
            lines.append("  \(name) [shape=ellipse\(isHost ? ", color=red, xlabel=\"the host's\"" : "")];")
            lines += space.members.map { "  \(Self.quoted($0)) -- \(name);" }
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    /// Names are strangers' text.
    private static func quoted(_ text: String) -> String {
        let safe = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            default: scalar.properties.generalCategory == .control ? " " : String(scalar)
            }
        }
        return "\"" + safe.joined() + "\""
    }
}
