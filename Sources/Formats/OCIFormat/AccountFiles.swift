public import Diagnostics

/// The numbers behind a `UserSpec`, from the image's own accounts.
public struct ResolvedUser: Equatable, Sendable {
    public var uid: UInt32
    public var gid: UInt32
    /// Sorted, without `gid`.
    public var supplementaryGroups: [UInt32]
    /// The home directory and name the image's passwd gives, for HOME and USER.
    public var home: String?
    public var name: String?

    public init(
        uid: UInt32, gid: UInt32, supplementaryGroups: [UInt32] = [], home: String? = nil, name: String? = nil
    ) {
        self.uid = uid
        self.gid = gid
        self.supplementaryGroups = supplementaryGroups
        self.home = home
        self.name = name
    }
}

/// /etc/passwd and /etc/group of an image, as bytes read from regular files with a bounded size; nil where there is
/// none.
public struct AccountFiles: Sendable {
    private let passwd: [UInt8]?
    private let group: [UInt8]?
    private let limits: ImageLimits

    /// - Throws: `user.file-too-large` for a file over `accountFileBytes`.
    public init(passwd: [UInt8]?, group: [UInt8]?, limits: ImageLimits = .standard) throws(Failure) {
        for (name, content) in [("/etc/passwd", passwd), ("/etc/group", group)] {
            guard let content, content.count > limits.accountFileBytes else { continue }
            throw Failure(
                "user.file-too-large", doing: "read the image's", on: name, cause: "it has \(content.count) bytes",
                field: name, limit: "bytes \(limits.accountFileBytes)")
        }
        self.passwd = passwd
        self.group = group
        self.limits = limits
    }

    /// A number needs no account; without one its group is 0 and it has no supplementary groups. A name must be there.
    /// A chosen group replaces the user's supplementary groups, as Docker does.
    /// - Throws: `user.unknown`, `group.unknown`, `user.file-invalid`, `user.file-too-large`.
    public func resolve(_ spec: UserSpec) throws(Failure) -> ResolvedUser {
        var resolved = ResolvedUser(uid: 0, gid: 0, supplementaryGroups: [])
        let account = try account(spec.user)
        switch (spec.user, account) {
        case (.id(let number), _): resolved.uid = number
        case (.name, .some(let account)): resolved.uid = account.uid
        case (.name(let name), nil):
            throw Failure(
                "user.unknown", doing: "run as the user", on: name, cause: "the image's /etc/passwd does not have it",
                remedy: "use a number, or a user the image has", field: "user")
        }
        if let account {
            resolved.gid = account.gid
            resolved.home = account.home
            resolved.name = account.name
        }
        if let chosen = spec.group {
            resolved.gid = try groupNumber(chosen)
        } else if let account {
            resolved.supplementaryGroups = try groups(listing: account.name).filter { $0 != resolved.gid }
        }
        return resolved
    }

    private struct Account {
        var name: String
        var uid: UInt32
        var gid: UInt32
        var home: String?
    }

    /// The first matching line wins. A line of the sought user that cannot be read is a refusal, never a fallback.
    private func account(_ wanted: UserSpec.Account) throws(Failure) -> Account? {
        var found: Account?
        try forEachLine(of: passwd, name: "/etc/passwd") { fields throws(Failure) in
            guard found == nil, fields.count >= 4 else { return }
            let uid = Self.number(fields[2])
            switch wanted {
            case .id(let number): guard uid == number else { return }
            case .name(let name): guard fields[0].elementsEqual(name.utf8) else { return }
            }
            guard let uid, let gid = Self.number(fields[3]) else {
                throw invalidLine("/etc/passwd", of: "\(wanted)")
            }
            let home = fields.count >= 6 ? String(decoding: fields[5], as: UTF8.self) : ""
            found = Account(
                name: String(decoding: fields[0], as: UTF8.self), uid: uid, gid: gid,
                home: home.begins(with: "/") ? home : nil)
        }
        return found
    }

    private func groupNumber(_ wanted: UserSpec.Account) throws(Failure) -> UInt32 {
        guard case .name(let name) = wanted else {
            if case .id(let number) = wanted { return number }
            preconditionFailure("an account is a name or a number")
        }
        var found: UInt32?
        try forEachLine(of: group, name: "/etc/group") { fields throws(Failure) in
            guard found == nil, fields.count >= 3, fields[0].elementsEqual(name.utf8) else { return }
            guard let number = Self.number(fields[2]) else { throw invalidLine("/etc/group", of: name) }
            found = number
        }
        guard let found else {
            throw Failure(
                "group.unknown", doing: "run with the group", on: name,
                cause: "the image's /etc/group does not have it",
                remedy: "use a number, or a group the image has", field: "user")
        }
        return found
    }

    private func groups(listing user: String) throws(Failure) -> [UInt32] {
        var numbers: Set<UInt32> = []
        try forEachLine(of: group, name: "/etc/group") { fields throws(Failure) in
            guard fields.count >= 4 else { return }
            let members = fields[3].split(separator: UInt8(ascii: ","))
            guard members.contains(where: { $0.elementsEqual(user.utf8) }) else { return }
            guard let number = Self.number(fields[2]) else { throw invalidLine("/etc/group", of: user) }
            numbers.insert(number)
            guard numbers.count <= limits.supplementaryGroups else {
                throw Failure(
                    "user.too-many-groups", doing: "read the groups of", on: user, field: "user",
                    limit: "groups \(limits.supplementaryGroups)")
            }
        }
        return numbers.sorted()
    }

    private func forEachLine(
        of content: [UInt8]?, name: String, _ body: ([ArraySlice<UInt8>]) throws(Failure) -> Void
    ) throws(Failure) {
        guard let content else { return }
        for line in content.split(separator: UInt8(ascii: "\n")) {
            guard line.count <= limits.accountLineBytes else {
                throw Failure(
                    "user.file-too-large", doing: "read the image's", on: name, cause: "a line has \(line.count) bytes",
                    field: name, limit: "line bytes \(limits.accountLineBytes)")
            }
            guard line.first != UInt8(ascii: "#"), !line.contains(0) else { continue }
            try body(line.split(separator: UInt8(ascii: ":"), maxSplits: 7, omittingEmptySubsequences: false))
        }
    }

    private func invalidLine(_ file: String, of name: String) -> Failure {
        Failure(
            "user.file-invalid", doing: "find \(name) in the image's", on: file,
            cause: "its line holds no valid number",
            remedy: "use numbers for user and group", field: "user")
    }

    private static func number(_ field: ArraySlice<UInt8>) -> UInt32? {
        guard !field.isEmpty, field.allSatisfy({ (48...57).contains($0) }),
            let number = UInt32(String(decoding: field, as: UTF8.self)), number < .max
        else { return nil }
        return number
    }
}
