import ArgumentParser
import ClusterClient
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

/// What every command takes that asks a master.
struct ClientOptions: ParsableArguments {
    @Option(help: "How results and refusals are shown: table or json.")
    var output = OutputFormat.table
    @Option(
        help: .init("Masters, with commas between them; the leading one is found (BULKHEAD_MASTER).", valueName: "URLs")
    )
    var master: String = "http://127.0.0.1:5050"
    @Option(
        help: .init(
            "File that says who you are: {\"principal\": …, \"secret\": …} or {\"token\": …}.", valueName: "file"))
    var credentials: String?
    @Option(help: .init("Authority that signs the master's certificate, PEM (usual: the system's).", valueName: "file"))
    var masterCa: String?

    func client() throws(Failure) -> ClusterClient {
        var masters: [ServerAddress] = []
        for part in master.cut(at: ",") { masters.append(try ServerAddress(parsing: String(part))) }
        guard !masters.isEmpty else {
            throw .flag("master", master, cause: "it names none", remedy: "write for example http://10.0.0.1:5050")
        }
        var tls = ClientTLS()
        if let masterCa { tls.trust = .authority(file: masterCa) }
        return try ClusterClient(ClientSettings(masters: masters, credentials: try readCredentials(), tls: tls))
    }

    private func readCredentials() throws(Failure) -> Credentials? {
        guard let credentials else { return nil }
        let text: String
        do throws(KernelError) { text = try TextFile.read(credentials, limit: 64 << 10) } catch {
            throw error.failure("client.credentials-unreadable", doing: "read the credentials", on: credentials)
        }
        return try CredentialsFile.parse(text, path: credentials)
    }

    /// Who we are to the master, where a reservation says who made it.
    func principal(_ client: ClusterClient) -> String? {
        if case .basic(let principal, _) = client.settings.credentials { return principal }
        return nil
    }

    /// Shows `value` as JSON, or `table()` to people.
    func show(_ value: some Encodable, table: () -> String) throws(Failure) {
        try Console.write(output == .json ? try JSONDocument.text(value) : table())
    }

    /// A change that was made: people are told what, programs only that it worked.
    func done(_ text: String) throws(Failure) {
        if output == .table { try Console.write(text + "\n") }
    }
}

/// A file of credentials, as the master's own list has them.
enum CredentialsFile {
    private struct Content: Decodable {
        var principal: String?
        var secret: String?
        var token: String?
    }

    static func parse(_ text: String, path: String) throws(Failure) -> Credentials {
        let content: Content
        do { content = try JSONReading.decode(Content.self, from: text) } catch {
            throw invalid(path, "it is not JSON with text in it")
        }
        switch (content.principal, content.secret, content.token) {
        case (let principal?, let secret?, nil): return .basic(principal: principal, secret: secret)
        case (nil, nil, let token?): return .bearer(token: token)
        default: throw invalid(path, "it has neither a principal and a secret nor a token")
        }
    }

    private static func invalid(_ path: String, _ cause: String) -> Failure {
        Failure(
            "client.credentials-invalid", doing: "use the credentials", on: path, cause: cause,
            remedy: "write {\"principal\": \"…\", \"secret\": \"…\"} or {\"token\": \"…\"}", field: "credentials")
    }
}
