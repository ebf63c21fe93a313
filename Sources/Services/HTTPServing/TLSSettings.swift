import Diagnostics
import NIOSSL

/// Files in PEM that a server's TLS is made of. TLS 1.2 and 1.3 only.
public struct TLSSettings: Sendable, Hashable {
    public enum ClientCertificates: String, Sendable, CaseIterable {
        /// Not asked for.
        case none
        /// Asked for; one that is not signed by the authority ends the handshake, none at all does not.
        case optional
        /// No connection without one.
        case required
    }
    /// The server's certificate followed by its intermediates.
    public var certificates: String
    public var key: String
    /// What client certificates are checked against.
    public var authority: String?
    public var clientCertificates: ClientCertificates

    public init(
        certificates: String, key: String, authority: String? = nil, clientCertificates: ClientCertificates = .none
    ) {
        self.certificates = certificates
        self.key = key
        self.authority = authority
        self.clientCertificates = clientCertificates
    }

    /// Reads the files.
    ///
    /// - Throws: `Failure` `tls.settings-invalid` naming the file and the flag at fault.
    func context() throws(Failure) -> NIOSSLContext {
        if clientCertificates != .none, authority == nil {
            throw Failure(
                "tls.settings-invalid", doing: "set up TLS",
                cause: "client certificates are asked for without an authority",
                remedy: "name the file of the authority that signs them", field: "tls-ca")
        }
        let chain = try reading("tls-certificate", certificates) { try NIOSSLCertificate.fromPEMFile(certificates) }
        let secret = try reading("tls-key", key) { try NIOSSLPrivateKey(file: key, format: .pem) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(secret))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let authority {
            let roots = try reading("tls-ca", authority) { try NIOSSLCertificate.fromPEMFile(authority) }
            configuration.trustRoots = .certificates(roots)
        }
        switch clientCertificates {
        case .none: configuration.certificateVerification = .none
        case .optional: configuration.certificateVerification = .optionalVerification
        case .required: configuration.certificateVerification = .noHostnameVerification
        }
        let settled = configuration
        return try reading("tls-certificate", certificates) { try NIOSSLContext(configuration: settled) }
    }

    private func reading<Value>(_ flag: String, _ file: String, _ read: () throws -> Value) throws(Failure) -> Value {
        do {
            return try read()
        } catch {
            throw Failure(
                "tls.settings-invalid", doing: "read", on: file, cause: "\(error)",
                remedy: "give a file in PEM that this process may read", field: flag)
        }
    }
}
