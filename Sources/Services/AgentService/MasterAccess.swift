import AsyncHTTPClient
import ClusterAPI
public import Diagnostics
import HTTPServing
import NIOSSL

/// How an agent proves to the master who it is, and knows the master.
public struct MasterAccess: Sendable {
    public enum Credentials: Sendable, Hashable {
        case none
        /// HTTP Basic.
        case secret(principal: String, secret: String)
        /// A signed token, sent as `Bearer`.
        case token(String)
    }
    public var credentials: Credentials
    /// Nil: the system's authorities, and no certificate of our own.
    public var tls: ClientTLS?

    public init(credentials: Credentials = .none, tls: ClientTLS? = nil) {
        self.credentials = credentials
        self.tls = tls
    }

    /// The value of Authorization; nil for none.
    var authorization: String? {
        switch credentials {
        case .none: nil
        case .secret(let principal, let secret): "Basic " + Base64.text(Array("\(principal):\(secret)".utf8))
        case .token(let token): "Bearer \(token)"
        }
    }

    /// Reads `{"principal": "NAME", "secret": "SECRET"}` from a file that not everybody may read.
    ///
    /// - Throws: `secret.unreadable`, `secret.exposed`, `credentials.invalid`.
    public static func credentials(file: String) throws(Failure) -> Credentials {
        let bytes = try SecretFile.bytes(file, flag: "credential")
        do throws(Failure) {
            let object = try WireObject(try WireBounds.standard.value(parsing: bytes))
            let principal = try object.required("principal", object.string("principal"))
            guard !principal.isEmpty, !principal.has(":") else {
                throw object.invalid("principal", "a name is not empty and has no colon")
            }
            return .secret(principal: principal, secret: try object.required("secret", object.string("secret")))
        } catch {
            throw Failure(
                "credentials.invalid", doing: "read the credential", on: file, cause: error.cause ?? "\(error)",
                remedy: #"write {"principal": "NAME", "secret": "SECRET"}"#, field: "credential")
        }
    }
}

/// Files in PEM by which a client knows its servers and makes itself known. TLS 1.2 and 1.3 only.
public struct ClientTLS: Sendable, Hashable {
    /// What servers' certificates are checked against; nil: the system's authorities.
    public var authority: String?
    /// Our own certificate followed by its intermediates, and its key; both or neither.
    public var certificates: String?
    public var key: String?

    public init(authority: String? = nil, certificates: String? = nil, key: String? = nil) {
        self.authority = authority
        self.certificates = certificates
        self.key = key
    }

    /// Reads the files. Blocks for as long as that takes, once, at the start.
    ///
    /// - Throws: `tls.settings-invalid` naming the file and the flag at fault.
    func configuration() throws(Failure) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let authority {
            configuration.trustRoots = .certificates(
                try Self.reading("tls-ca", authority) { try NIOSSLCertificate.fromPEMFile(authority) })
        }
        switch (certificates, key) {
        case (nil, nil): break
        case (let certificates?, let key?):
            configuration.certificateChain = try Self.reading("tls-certificate", certificates) {
                try NIOSSLCertificate.fromPEMFile(certificates).map { .certificate($0) }
            }
            configuration.privateKey = .privateKey(
                try Self.reading("tls-key", key) { try NIOSSLPrivateKey(file: key, format: .pem) })
        default:
            throw Failure(
                "tls.settings-invalid", doing: "set up TLS", cause: "a certificate is given without its key",
                remedy: "give both, or neither", field: key == nil ? "tls-key" : "tls-certificate")
        }
        return configuration
    }

    private static func reading<Value>(
        _ flag: String, _ file: String, _ read: () throws -> Value
    ) throws(Failure) -> Value {
        do { return try read() } catch {
            throw Failure(
                "tls.settings-invalid", doing: "read", on: file, cause: "\(error)",
                remedy: "give a file in PEM that this process may read", field: flag)
        }
    }
}
