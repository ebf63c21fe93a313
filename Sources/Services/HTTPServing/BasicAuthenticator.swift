import ClusterAPI
public import Diagnostics
import FoundationEssentials
public import NIOHTTP1

/// Names and secrets in HTTP Basic.
public struct BasicAuthenticator: Authenticator {
    private let secrets: [String: [UInt8]]

    static let credentialsMax = 100_000

    public init(_ credentials: [String: String]) { secrets = credentials.mapValues { Array($0.utf8) } }

    /// Reads `{"credentials": [{"principal": "p", "secret": "s"}]}`.
    ///
    /// - Throws: `Failure` `credentials.invalid` with the file, and the member at fault. Also when others than the
    ///   owner and the group may read the file.
    public init(file: String) throws(Failure) {
        let object = try BasicAuthenticator.read(file)
        var credentials: [String: String] = [:]
        let entries = try object.objects("credentials")
        guard entries.count <= BasicAuthenticator.credentialsMax else {
            throw BasicAuthenticator.invalid(file, "it has more than \(BasicAuthenticator.credentialsMax) entries")
        }
        for entry in entries {
            let name = try entry.required("principal", entry.string("principal"))
            let secret = try entry.required("secret", entry.string("secret"))
            guard !name.isEmpty, !name.has(":") else {
                throw entry.invalid("principal", "a name is not empty and has no colon")
            }
            guard credentials.updateValue(secret, forKey: name) == nil else {
                throw entry.invalid("principal", "'\(name)' is there twice")
            }
        }
        self.init(credentials)
    }

    public func challenge(_ realm: Realm) -> String { "Basic realm=\"\(realm.rawValue)\"" }

    public func authenticate(_ headers: HTTPHeaders) async -> AuthenticationAnswer {
        guard let encoded = headers.credentials("Basic") else { return .absent }
        guard let text = Base64.bytes(encoded).flatMap({ String(validating: $0, as: UTF8.self) }),
            let colon = text.position(of: ":")
        else { return .wrong("the credentials are not base64 of name:secret") }
        let name = String(text[..<colon])
        let given = Array(text[text.utf8.index(after: colon)...].utf8)
        // An unknown name is compared with something too.
        let expected = secrets[name] ?? []
        let isSame = BasicAuthenticator.isSame(given, expected)
        return isSame && secrets[name] != nil ? .known(Principal(name)) : .wrong("the name or the secret is wrong")
    }

    /// Takes as long as `given` is, whatever `expected` is.
    private static func isSame(_ given: [UInt8], _ expected: [UInt8]) -> Bool {
        var differences: UInt8 = given.count == expected.count ? 0 : 1
        for (index, byte) in given.enumerated() {
            differences |= byte ^ (expected.isEmpty ? 0 : expected[index % expected.count])
        }
        return differences == 0
    }

    private static func read(_ file: String) throws(Failure) -> WireObject {
        let bytes = try SecretFile.bytes(file, flag: "credentials")
        do {
            return try WireObject(try WireBounds.standard.value(parsing: bytes))
        } catch {
            throw invalid(file, error.cause ?? error.description)
        }
    }

    private static func invalid(_ file: String, _ cause: String) -> Failure {
        Failure(
            "credentials.invalid", doing: "read credentials", on: file, cause: cause,
            remedy: #"write {"credentials": [{"principal": "NAME", "secret": "SECRET"}]}"#, field: "credentials")
    }
}

/// A file that only its owner and group may read.
public enum SecretFile {
    static let bytesMax = 16 << 20

    /// - Throws: `Failure` `secret.unreadable`, `secret.exposed`.
    public static func bytes(_ path: String, flag: String) throws(Failure) -> [UInt8] {
        let data: Data
        let mode: Int
        do {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            // The value's type differs between the two Foundations; its digits do not. Unknown counts as open to all.
            mode = attributes[.posixPermissions].flatMap { Int("\($0)") } ?? 0o777
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw Failure(
                "secret.unreadable", doing: "read", on: path, cause: "\(error)",
                remedy: "give a file this process may read", field: flag)
        }
        guard mode & 0o007 == 0 else {
            throw Failure(
                "secret.exposed", doing: "use", on: path, cause: "everybody on this host may read it",
                remedy: "chmod o= \(path)", field: flag)
        }
        guard data.count <= bytesMax else {
            throw Failure(
                "secret.unreadable", doing: "read", on: path, cause: "it is too large", field: flag,
                limit: "file bytes \(bytesMax)")
        }
        return Array(data)
    }
}
