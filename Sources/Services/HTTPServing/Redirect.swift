import NIOHTTP1

/// Where a standby sends its callers.
public enum Redirect {
    /// 307 to the leader. Protocol-relative, as clients expect it: `//host:port/path?query`.
    ///
    /// `/redirect` itself leads to the leader without a path.
    public static func response(to leader: (host: String, port: Int), for target: RequestTarget) -> Response {
        let host = leader.host.has(":") ? "[\(leader.host)]" : leader.host
        let isRedirect = target.components.last == "redirect"
        let path = isRedirect ? "" : safe(target.text)
        return Response(.temporaryRedirect, headers: ["Location": "//\(host):\(leader.port)\(path)"])
    }

    /// The path of the target only: an absolute form would lead elsewhere, a line break would forge a header.
    private static func safe(_ text: String) -> String {
        guard text.begins(with: "/"), text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return "/" }
        return text
    }
}
