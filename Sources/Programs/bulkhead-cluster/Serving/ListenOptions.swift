public import ArgumentParser
import Authorization
import CommandOutput
import Diagnostics
public import HTTPServing
import LinuxKernel

/// Where a daemon answers, and by which name others reach it. Ports are the commands' own.
struct ListenOptions: ParsableArguments {
    @Option(help: "Address to listen on. Beyond this machine only with --credentials, --jwt-key or --allow-anonymous.")
    var ip = "127.0.0.1"
    @Option(help: "Name others reach this machine by (usual: the address listened on, else the host's name).")
    var hostname: String?
    @Option(
        help: .init("Credentials of who may call: {\"credentials\": [{\"principal\", \"secret\"}]}.", valueName: "file")
    )
    var credentials: String?
    @Option(help: .init("Key of signed tokens (JWT, HS256), at least 32 bytes.", valueName: "file"))
    var jwtKey: String?
    @Flag(help: "Callers without credentials are served, also from other machines.")
    var allowAnonymous = false
    @Option(
        help: .init(
            "Rules of who may do what, first match: {\"rules\": [...]}. None: all is allowed.", valueName: "file"))
    var authorization: String?
    @Option(help: .init("Certificate and its intermediates, PEM: serve TLS only.", valueName: "file"))
    var tlsCertificate: String?
    @Option(help: .init("Key of the certificate, PEM.", valueName: "file"))
    var tlsKey: String?
    @Option(help: .init("Authority that signs callers' certificates, PEM.", valueName: "file"))
    var tlsCa: String?
    @Option(help: "Whether callers show a certificate: none, optional or required.")
    var clientCertificates = TLSSettings.ClientCertificates.none

    var isLoopback: Bool { ip == "localhost" || ip == "::1" || ip.begins(with: "127.") }

    /// The name that is told to others: an address that stands for all of a machine's is nobody's.
    var advertised: String { hostname ?? (ip == "0.0.0.0" || ip == "::" ? HostFacts.hostName() : ip) }

    /// Nil when it stands for all of a machine's.
    var advertisedIP: String? { ip == "0.0.0.0" || ip == "::" ? nil : ip }

    /// Where clients on this machine find it.
    func address(_ port: Int?) -> String {
        let host = ip == "0.0.0.0" ? "127.0.0.1" : ip == "::" ? "[::1]" : ip.has(":") ? "[\(ip)]" : ip
        return "\(tlsCertificate == nil ? "http" : "https")://\(host):\(port ?? 0)"
    }

    /// - Throws: `usage.invalid` when everybody on the network could do as they like.
    func checkExposure() throws(Failure) {
        guard !isLoopback, credentials == nil, jwtKey == nil, clientCertificates != .required, !allowAnonymous else {
            return
        }
        throw .flag(
            "ip", ip, cause: "whoever reaches this address could run anything here as nobody asks who calls",
            remedy: "give --credentials FILE or --jwt-key FILE, or say --allow-anonymous")
    }

    var tls: TLSSettings? {
        get throws(Failure) {
            switch (tlsCertificate, tlsKey) {
            case (nil, nil): return nil
            case (let certificate?, let key?):
                return TLSSettings(
                    certificates: certificate, key: key, authority: tlsCa, clientCertificates: clientCertificates)
            case (let certificate, _):
                throw .flag(
                    certificate == nil ? "tls-key" : "tls-certificate", certificate ?? tlsKey ?? "",
                    cause: "a certificate and its key belong together", remedy: "give both")
            }
        }
    }

    /// Every realm asks as soon as there is something to ask by.
    func authentication(_ realms: Set<Realm>) async throws(Failure) -> Authentication {
        try checkExposure()
        var authenticators: [any Authenticator] = []
        if let credentials { authenticators.append(try BasicAuthenticator(file: credentials)) }
        if let jwtKey { authenticators.append(try await TokenAuthenticator(file: jwtKey)) }
        return authenticators.isEmpty ? .off : Authentication(authenticators: authenticators, realms: realms)
    }

    func authorizer() throws(Failure) -> RuleAuthorizer {
        guard let path = authorization else { return RuleAuthorizer() }
        let text: String
        do throws(KernelError) { text = try TextFile.read(path, limit: RulesFile.bounds.bytes) } catch {
            throw error.failure(
                "authorization.rules-unreadable", doing: "read the rules", on: path,
                remedy: "name a file this process may read with --authorization")
        }
        return RuleAuthorizer(try RulesFile.rules(parsing: Array(text.utf8)))
    }
}

extension TLSSettings.ClientCertificates: ExpressibleByArgument {}

extension Set<Realm> {
    static let master: Self = [.masterReadOnly, .masterReadWrite, .masterScheduler, .masterAgent]
    static let agent: Self = [.agentReadOnly, .agentReadWrite]
}
