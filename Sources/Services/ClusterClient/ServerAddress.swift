public import ClusterModel
public import Diagnostics

/// Where a master or an agent answers: `http://10.0.0.1:5050`, `https://master:5050`, or a unix socket.
public struct ServerAddress: Hashable, Sendable, CustomStringConvertible {
    public enum Place: Hashable, Sendable {
        /// IPv6 addresses without brackets.
        case network(host: String, port: UInt16)
        case unixSocket(path: String)
    }
    public var isEncrypted: Bool
    public var place: Place

    public init(host: String, port: UInt16, isEncrypted: Bool = false) {
        self.isEncrypted = isEncrypted
        place = .network(host: host, port: port)
    }

    public init(unixSocket path: String) {
        isEncrypted = false
        place = .unixSocket(path: path)
    }

    /// `host`, `host:port`, `http://host:port`, `https://host:port`, `[::1]:5050` or `unix:/path`. A path after the
    /// port is left out. `defaultPort`: 5050 is a master's, 5051 an agent's.
    ///
    /// - Throws: `Failure` `client.address-invalid`.
    public init(parsing text: String, defaultPort: UInt16 = 5_050) throws(Failure) {
        if text.begins(with: "unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard path.begins(with: "/") else {
                throw Self.invalid(text, "the path of the socket does not begin with '/'")
            }
            self.init(unixSocket: path)
            return
        }
        var rest = text[...]
        var isEncrypted = false
        if let end = rest.place(of: "://") {
            switch rest[..<end.lowerBound].lowercased() {
            case "http": break
            case "https": isEncrypted = true
            case let scheme: throw Self.invalid(text, "'\(scheme)' is not http or https")
            }
            rest = rest[end.upperBound...]
        }
        rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !rest.has("@") else {
            throw Self.invalid(text, "it holds a name and a secret, which do not belong in an address")
        }
        let (host, port) = try Self.hostAndPort(rest, of: text)
        self.init(host: host, port: port ?? defaultPort, isEncrypted: isEncrypted)
    }

    /// Where an agent says it answers: its IP address when it has one, except that certificates are made for names.
    public init(_ address: NetworkAddress, isEncrypted: Bool = false) {
        let isUsable = !isEncrypted && address.address.map { $0 != "0.0.0.0" && $0 != "::" } == true
        let host = isUsable ? address.address ?? address.hostname : address.hostname
        self.init(host: host, port: address.port, isEncrypted: isEncrypted)
    }

    private static func hostAndPort(
        _ text: Substring, of whole: String
    ) throws(Failure) -> (host: String, port: UInt16?) {
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let close = text.position(of: "]") else { throw invalid(whole, "there is no ']'") }
            host = text[text.index(after: text.startIndex)..<close]
            let after = text[text.utf8.index(after: close)...]
            guard after.isEmpty || after.first == ":" else { throw invalid(whole, "'\(after)' follows the address") }
            port = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = text.lastPosition(of: ":") {
            // More than one colon without brackets is an IPv6 address that has no port.
            if text.position(of: ":") == colon {
                host = text[..<colon]
                port = text[text.utf8.index(after: colon)...]
            }
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "%") }) else {
            throw invalid(whole, "there is no host in it")
        }
        guard let port else { return (String(host), nil) }
        guard let number = UInt16(port), number > 0 else { throw invalid(whole, "'\(port)' is not a port") }
        return (String(host), number)
    }

    private static func invalid(_ text: String, _ cause: String) -> Failure {
        Failure(
            "client.address-invalid", doing: "use address", on: text, cause: cause,
            remedy: "write it like http://10.0.0.1:5050", field: "address")
    }

    public var description: String {
        switch place {
        case .network(let host, let port):
            "\(isEncrypted ? "https" : "http")://\(host.has(":") ? "[\(host)]" : host):\(port)"
        case .unixSocket(let path): "unix:\(path)"
        }
    }

    /// As the HTTP client wants it, with `path` behind.
    func url(_ path: String) -> String {
        guard case .unixSocket(let socket) = place else { return description + path }
        var escaped = ""
        for byte in socket.utf8 {
            let character = Character(Unicode.Scalar(byte))
            if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
                escaped.append(character)
            } else {
                escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return "http+unix://\(escaped)\(path)"
    }

    /// Where a redirect from here leads: `//host:port/path`, `http://host:port/path` or `host:port`.
    ///
    /// - Throws: `Failure` `client.address-invalid`; `client.redirect-refused` when it would leave encryption.
    func redirected(to location: String) throws(Failure) -> ServerAddress {
        var text = location
        if text.begins(with: "//") { text = (isEncrypted ? "https:" : "http:") + text }
        var target = try ServerAddress(parsing: text)
        if !location.contains("://"), !location.begins(with: "//") { target.isEncrypted = isEncrypted }
        guard target.isEncrypted || !isEncrypted else {
            throw Failure(
                "client.redirect-refused", doing: "follow the redirect of", on: description,
                cause: "it leads to \(target), which is not encrypted", remedy: "have the leading master use TLS too")
        }
        return target
    }
}

extension Substring {
    /// The first place of `needle`.
    fileprivate func range(of needle: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].begins(with: needle) { return start..<index(start, offsetBy: needle.count) }
            start = index(after: start)
        }
        return nil
    }
}
