import Glibc
public import LinuxKernel
import NetworkFormat

/// Whether a port of this host is free to be published: a program that listens there would be cut off without a word.
public enum PortProbe {
    /// Binds a socket and lets it go. EADDRINUSE: somebody listens; EADDRNOTAVAIL: it is no address of this host.
    public static func check(address: String, port: UInt16, isStream: Bool) throws(KernelError) {
        let place = "\(address) port \(port)"
        guard let parsed = IPAddress(address) else { throw KernelError(call: "bind", on: place, errno: EINVAL) }
        let family = parsed.family == .v4 ? AF_INET : AF_INET6
        let kind = Int32(isStream ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let opened = OwnedDescriptor(owning: try checking("socket") { socket(family, kind, 0) })
        // Connections of the last listener may linger; datagrams have no such thing, and would share the port.
        if isStream {
            var on: Int32 = 1
            try checking("setsockopt(SO_REUSEADDR)") { setsockopt(opened.number, SOL_SOCKET, SO_REUSEADDR, &on, 4) }
        }
        // Each version by itself: a listener of both is in the way of either.
        if parsed.family == .v6 {
            var on: Int32 = 1
            try checking("setsockopt(IPV6_V6ONLY)") {
                setsockopt(opened.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, 4)
            }
        }
        // struct sockaddr_in and sockaddr_in6, ip(7) and ipv6(7).
        var bytes = withUnsafeBytes(of: sa_family_t(family)) { Array($0) } + [UInt8(port >> 8), UInt8(port & 0xff)]
        bytes += parsed.family == .v4 ? parsed.bytes + [UInt8](repeating: 0, count: 8) : [0, 0, 0, 0] + parsed.bytes
        if parsed.family == .v6 { bytes += [0, 0, 0, 0] }
        try checking("bind", on: place) {
            bytes.withUnsafeBytes { raw in
                raw.withMemoryRebound(to: sockaddr.self) { bind(opened.number, $0.baseAddress, socklen_t(raw.count)) }
            }
        }
        guard isStream else { return }
        try checking("listen", on: place) { listen(opened.number, 1) }
    }
}
