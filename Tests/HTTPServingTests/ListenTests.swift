import Diagnostics
import Foundation
import HTTPServing
import NIOCore
import NIOPosix
import NIOSSL
import RawHTTP
import Testing

/// A folder that goes with the test.
final class TestFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "bulkhead-\(UUID().uuidString.prefix(8))").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { do { try FileManager.default.removeItem(atPath: path) } catch { Issue.record(error) } }

    func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        let isWritten = FileManager.default.createFile(
            atPath: file, contents: Data(text.utf8), attributes: [.posixPermissions: mode])
        try #require(isWritten)
        return file
    }
}

@Suite("Listening and TLS", .timeLimit(.minutes(5)))
struct ListenTests {
    @Test("a server listens on several addresses, a unix socket and a socket made elsewhere")
    func addresses() async throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/socket"
        let made = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(made, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(made, 16) == 0
            }
        }
        try #require(isBound)
        let served = try await Served.start(addresses: [
            .network(host: "127.0.0.1", port: 0), .network(host: "127.0.0.1", port: 0), .unixSocket(path: path),
            .descriptor(made),
        ])
        let ports = served.server.addresses.compactMap(\.port)
        #expect(Set(ports).count == 3)
        for port in ports { #expect(try await RawConnection.get(port, "/health").status == 200) }
        let local = try await RawConnection.open(socket: path)
        try await local.send("GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await local.response().status == 200)
        await served.server.stop()
        // Not at a port, which another test's server may have by now.
        await #expect(throws: (any Error).self) { _ = try await RawConnection.open(socket: path) }
    }

    @Test("an address that is taken is refused by name, and nothing stays open")
    func taken() async throws {
        let served = try await Served.start()
        // Of an address that nothing else here uses: nobody takes the port meanwhile.
        let own = "127.77.0.1"
        let other = try await Served.start(addresses: [.network(host: own, port: 0)])
        await other.server.stop()
        await #expect(throws: Failure.self) {
            try await Served.start(addresses: [
                .network(host: own, port: other.port), .network(host: "127.0.0.1", port: served.port),
            ])
        }
        let again = try await Served.start(addresses: [.network(host: own, port: other.port)])
        await again.server.stop()
        await served.server.stop()
    }

    private func settings(_ folder: TestFolder, clients: TLSSettings.ClientCertificates) throws -> TLSSettings {
        TLSSettings(
            certificates: try folder.write("server.pem", TestCertificates.server),
            key: try folder.write("server.key", TestCertificates.serverKey),
            authority: try folder.write("ca.pem", TestCertificates.authority), clientCertificates: clients)
    }

    private func client(_ certificate: String? = nil, _ key: String? = nil) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array(TestCertificates.authority.utf8)))
        if let certificate, let key {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(key.utf8), format: .pem))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private static let request = "GET /large HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test("over TLS everything is as without, and plain text is not answered")
    func tls() async throws {
        let folder = try TestFolder()
        let served = try await Served.start(tls: try settings(folder, clients: .none))
        let answer = try await RawConnection.exchange(served.port, Self.request, tls: try client())
        #expect(answer.status == 200)
        #expect(answer.body.utf8.count == 200_000)
        let connection = try await RawConnection.open(served.port, tls: try client())
        for _ in 0..<3 {
            try await connection.send("GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(try await connection.response().status == 200)
        }
        try await connection.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
        _ = try await connection.head()
        try await served.opened(1)[0].send(StreamTests.record("over TLS"))
        #expect(try await connection.record() == "over TLS")
        connection.close()
        #expect(try await served.ended(1) == [.peerClosed])
        let plain = try await RawConnection.open(served.port)
        try await plain.send(Self.request)
        #expect(try await !plain.everything().contains("200 OK"))
        await served.server.stop()
    }

    @Test(
        "client certificates are asked for and checked",
        arguments: [
            (TLSSettings.ClientCertificates.required, "client", true), (.required, "stranger", false),
            (.required, "nobody", false), (.optional, "nobody", true), (.optional, "client", true),
            (.optional, "stranger", false),
        ])
    func clientCertificates(_ rule: TLSSettings.ClientCertificates, _ who: String, _ isServed: Bool) async throws {
        let folder = try TestFolder()
        let served = try await Served.start(tls: try settings(folder, clients: rule))
        let context =
            switch who {
            case "client": try client(TestCertificates.client, TestCertificates.clientKey)
            case "stranger": try client(TestCertificates.stranger, TestCertificates.strangerKey)
            default: try client()
            }
        if isServed {
            #expect(try await RawConnection.exchange(served.port, Self.request, tls: context).status == 200)
        } else {
            await #expect(throws: (any Error).self) {
                try await RawConnection.exchange(served.port, Self.request, tls: context)
            }
        }
        await served.server.stop()
    }

    @Test("TLS files that cannot be used are refused with the flag at fault")
    func badFiles() async throws {
        let folder = try TestFolder()
        let good = try settings(folder, clients: .none)
        var missing = good
        missing.key = "\(folder.path)/none"
        var garbled = good
        garbled.certificates = try folder.write("bad.pem", "not a certificate")
        var blind = good
        blind.authority = nil
        blind.clientCertificates = .required
        for (settings, field) in [(missing, "tls-key"), (garbled, "tls-certificate"), (blind, "tls-ca")] {
            do {
                let served = try await Served.start(tls: settings)
                await served.server.stop()
                Issue.record("\(field) was accepted")
            } catch let failure as Failure {
                #expect(failure.field == field)
            }
        }
    }
}
