import Diagnostics
import FoundationEssentials
import NetworkFormat
import NIOCore
import NIOPosix

/// Where a file is fetched from: an address of the web, and the machine that its name leads to.
///
/// The agent fetches from its own place in the network, which a task's network does not reach. So a name is looked up
/// before anything is sent, what it leads to is judged, and that very machine is then called: a name that leads
/// elsewhere when it is asked a second time changes nothing.
struct FetchPlace: Sendable {
    let url: URL
    let host: String

    /// - Throws: `fetch.unreachable` for what is no http or https address.
    init(_ text: String, from base: FetchPlace? = nil) throws(Failure) {
        guard let url = URL(string: text, relativeTo: base?.url)?.absoluteURL, let host = url.host, !host.isEmpty,
            !host.has("%"), let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme)
        else { throw HTTPDownloader.failure("fetch.unreachable", "it leads to what is no http or https address") }
        self.url = url
        self.host = host
    }

    /// The address to call; nil for localhost, whose two addresses are both tried.
    ///
    /// - Throws: `fetch.forbidden` for one where clouds keep credentials; `fetch.unreachable`.
    func machine() async throws(Failure) -> String? {
        if host.lowercased() == "localhost" { return nil }
        let name = host.begins(with: "[") ? String(host.dropFirst().dropLast()) : host
        let found: String?
        do {
            // It waits for name servers, which no thread of the cooperative pool may.
            found = try await NIOThreadPool.singleton.runIfActive {
                try SocketAddress.makeAddressResolvingHost(name, port: 0).ipAddress
            }
        } catch {
            throw HTTPDownloader.failure("fetch.unreachable", "\(error)")
        }
        guard let found, let address = IPAddress(found), !MetadataAddresses.contains(address) else {
            throw Failure(
                "fetch.forbidden", doing: "fetch the file",
                cause: "it leads to \(found ?? "no address"), where clouds keep a machine's credentials",
                remedy: "fetch it from somewhere else", field: "command.uris.value")
        }
        return found
    }
}
