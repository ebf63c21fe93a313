public import Containers
public import Diagnostics
import LinuxKernel

/// Name servers of resolv.conf(5).
public enum NameServers {
    /// The host's own, for a container that shares its network.
    public static func ofHost() throws(Failure) -> [String] {
        do throws(KernelError) { return parse(try TextFile.read("/etc/resolv.conf", limit: 65_536)) } catch {
            if error.errno == Errno.noEntry { return [] }
            throw error.failure("host.unreadable", doing: "read the host's name servers", remedy: "name one with --dns")
        }
    }

    /// Where systemd-resolved keeps those it asks itself, when it lists only itself at 127.0.0.53.
    private static let resolvedPath = "/run/systemd/resolve/resolv.conf"

    /// For a container that named none: the host's, but from a network of its own only those it can reach there.
    public static func usual(for network: IsolationRequest.Network) throws(Failure) -> [String] {
        switch network {
        case .none, .container: return []
        case .host: return try ofHost()
        case .bridge, .plugins:
            let reachable = try ofHost().filter { !isLoopback($0) }
            if !reachable.isEmpty || !HostFacts.exists(resolvedPath) { return reachable }
            do throws(KernelError) {
                return parse(try TextFile.read(resolvedPath, limit: 65_536)).filter { !isLoopback($0) }
            } catch {
                throw error.failure(
                    "host.unreadable", doing: "read the host's name servers", remedy: "name one with --dns")
            }
        }
    }

    private static func isLoopback(_ address: String) -> Bool { address.begins(with: "127.") || address == "::1" }

    public static func parse(_ text: String) -> [String] {
        text.split(whereSeparator: \.isNewline).compactMap { line in
            let words = line.split(whereSeparator: \.isWhitespace)
            return words.count > 1 && words[0] == "nameserver" && isAddress(String(words[1])) ? String(words[1]) : nil
        }
    }

    /// Whether `text` is an IP address in digits, of version 4 or 6.
    public static func isAddress(_ text: String) -> Bool {
        let parts = text.cut(at: ".", omittingEmptySubsequences: false)
        if parts.count == 4, !text.has(":") {
            return parts.allSatisfy { (1...3).contains($0.count) && $0.allSatisfy(\.isASCII) && UInt8($0) != nil }
        }
        let groups = text.cut(at: ":", omittingEmptySubsequences: false)
        return (3...8).contains(groups.count) && text.utf8.count <= 39
            && groups.allSatisfy { $0.count <= 4 && $0.allSatisfy { $0.isASCII && $0.isHexDigit } }
            && (groups.count == 8 || text.contains("::"))
    }
}
