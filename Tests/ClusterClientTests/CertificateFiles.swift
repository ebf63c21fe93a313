import Foundation
import NIOSSL

/// The tests' certificates as files, for as long as this lives.
final class CertificateFiles: Sendable {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "client-tests-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in [
            ("authority", TestCertificates.authority), ("server", TestCertificates.server),
            ("server-key", TestCertificates.serverKey), ("client", TestCertificates.client),
            ("client-key", TestCertificates.clientKey), ("stranger", TestCertificates.stranger),
        ] {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
    }

    deinit {
        do { try FileManager.default.removeItem(at: folder) } catch { print("\(folder.path) stays: \(error)") }
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    var client: (chain: String, key: String) { (path("client"), path("client-key")) }

    /// Of a server that asks for a certificate of the authority's.
    func context() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(path("server")).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: path("server-key"), format: .pem)))
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path("authority")))
        configuration.certificateVerification = .noHostnameVerification
        return try NIOSSLContext(configuration: configuration)
    }
}
