import Diagnostics
import NIOSSL

/// Whom a client trusts, and how it shows who it is. TLS 1.2 and 1.3 only.
public struct ClientTLS: Sendable, Hashable {
    public enum Trust: Sendable, Hashable {
        /// The authorities this machine trusts.
        case system
        /// Only those in this PEM file.
        case authority(file: String)
        /// Anybody, whatever their certificate: for a test machine. The client says so in its log each time it starts.
        case anybodyUnverified
    }
    public var trust: Trust
    /// A certificate and its key, in PEM, for servers that ask for one.
    public var certificate: (chain: String, key: String)? {
        get { chainFile.flatMap { chain in keyFile.map { (chain, $0) } } }
        set { (chainFile, keyFile) = (newValue?.chain, newValue?.key) }
    }
    private var chainFile: String?
    private var keyFile: String?

    public init(trust: Trust = .system, certificate: (chain: String, key: String)? = nil) {
        self.trust = trust
        chainFile = certificate?.chain
        keyFile = certificate?.key
    }

    /// Reads the files.
    ///
    /// - Throws: `Failure` `client.tls-invalid` naming the file.
    func configuration() throws(Failure) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        switch trust {
        case .system: break
        case .authority(let file):
            configuration.trustRoots = .certificates(
                try reading(file, "authority") { try NIOSSLCertificate.fromPEMFile(file) })
        case .anybodyUnverified: configuration.certificateVerification = .none
        }
        if let (chain, key) = certificate {
            configuration.certificateChain = try reading(chain, "certificate") {
                try NIOSSLCertificate.fromPEMFile(chain)
            }.map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try reading(key, "key") { try NIOSSLPrivateKey(file: key, format: .pem) })
        }
        return configuration
    }

    private func reading<Value>(_ file: String, _ field: String, _ read: () throws -> Value) throws(Failure) -> Value {
        do {
            return try read()
        } catch {
            throw Failure(
                "client.tls-invalid", doing: "read", on: file, cause: "\(error)",
                remedy: "give a file in PEM that you may read", field: field)
        }
    }
}
