import NIOHTTP1

/// Keeps web pages from using a person's browser against a server that only that person's machine can reach.
///
/// A page may send a form or plain text anywhere without asking, so the old endpoints, which take any content type,
/// are a POST away from whoever opens it (cross-site request forgery). And a page whose own name is made to lead to
/// 127.0.0.1 is, for the browser, that server's own page: it may send and read everything (DNS rebinding). Browsers
/// say where a request comes from, programs do not; decision 0132.
struct BrowserWall: Sendable {
    /// Names with a dot that this server may be asked for by callers who are not asked who they are.
    private let names: Set<String>
    /// With TLS the browser itself finds that a name is not the server's.
    private let isPlain: Bool

    init(names: some Sequence<String>, isPlain: Bool) {
        self.names = Set(names.map(BrowserWall.plain))
        self.isPlain = isPlain
    }

    /// Why a request is another site's doing; nil when it is none. Every route and method is judged alike.
    func refusal(of headers: HTTPHeaders, _ method: HTTPMethod) -> Response? {
        let origins = headers["Origin"]
        if !origins.isEmpty {
            guard origins.count == 1, let origin = Authority(origin: origins[0]),
                let host = headers.first(name: "Host").flatMap({ Authority($0) }), origin == host, isOwn(host.name)
            else {
                return .text(
                    .forbidden, "a web page of another site sent this (its Origin is not this server); refused")
            }
        }
        // https://www.w3.org/TR/fetch-metadata/: said of every request of a page to an address of this machine.
        let site = headers.first(name: "Sec-Fetch-Site")
        guard site == "cross-site" || site == "same-site" else { return nil }
        // A link that somebody follows shows what is there; what a page loads by itself is for the page.
        let isFollowed =
            (method == .GET || method == .HEAD) && headers.first(name: "Sec-Fetch-Mode") == "navigate"
            && headers.first(name: "Sec-Fetch-User") == "?1"
        return isFollowed ? nil : .text(.forbidden, "a web page of another site asked for this; refused")
    }

    /// Why a caller on this machine, who is not asked who it is, may not call this server by that name.
    func refusal(ofHost headers: HTTPHeaders, from peer: Peer) -> Response? {
        guard peer.isLoopback, let host = headers.first(name: "Host"), !host.isEmpty else { return nil }
        if let authority = Authority(host), isOwn(authority.name) { return nil }
        return .text(
            .misdirectedRequest,
            "this server goes by another name; call it by its address or as localhost, or start it with --hostname")
    }

    /// Addresses, names without a dot, those below localhost, and our own: no stranger can make them lead here.
    private func isOwn(_ name: String) -> Bool {
        guard isPlain, !name.begins(with: "["), name.has("."), let last = name.cut(at: ".").last else {
            return true
        }
        // No top-level domain is a number (RFC 3696), so this is an address, or leads nowhere.
        return last.allSatisfy { $0.isASCII && $0.isNumber } || last == "localhost" || names.contains(name)
    }

    /// Case and a last dot mean nothing in a name.
    private static func plain(_ name: String) -> String {
        let name = name.lowercased()
        return name.ends(with: ".") ? String(name.dropLast()) : name
    }

    /// A host and perhaps a port, as Host has them, or an origin behind its scheme.
    private struct Authority: Equatable {
        var name: String
        var port: String?

        init?(_ text: String) {
            let isBracketed = text.begins(with: "[")
            let end = isBracketed ? text.position(of: "]").map { text.utf8.index(after: $0) } : text.position(of: ":")
            if isBracketed, end == nil { return nil }
            let rest = text[(end ?? text.endIndex)...]
            guard rest.isEmpty || rest.begins(with: ":") else { return nil }
            name = BrowserWall.plain(String(text[..<(end ?? text.endIndex)]))
            port = rest.count > 1 ? String(rest.dropFirst()) : nil
        }

        /// `null` and every scheme but two are no origin of ours. Browsers leave the usual port out of both.
        init?(origin: String) {
            let schemes = ["http://", "https://"]
            guard let scheme = schemes.first(where: { origin.lowercased().begins(with: $0) }) else { return nil }
            self.init(String(origin.dropFirst(scheme.count)))
        }
    }
}
