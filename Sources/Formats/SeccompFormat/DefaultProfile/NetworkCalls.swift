/// Calls about sockets.
enum NetworkCalls {
    static let groups = [sockets]

    private static let unix: UInt32 = 1
    private static let internet: UInt32 = 2
    private static let internet6: UInt32 = 10
    private static let netlink: UInt32 = 16

    static let sockets = CallGroup(
        "Sockets",
        why: "Talking over sockets that could be made; the network namespace decides whom they reach.",
        allowed: [
            "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "setsockopt", "listen",
            "recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "shutdown",
        ],
        decisions: [
            .judged(
                "socket",
                [
                    .allowed(.int(0, is: unix)), .allowed(.int(0, is: internet)), .allowed(.int(0, is: internet6)),
                    .allowed(.int(0, is: netlink), .int(2, is: 0)),
                    .refused(.protocolNotSupported, .int(0, is: netlink)),
                ],
                otherwise: .refuse(.familyNotSupported),
                because: "unix, IPv4, IPv6 and netlink's route protocol, which libc itself uses to list addresses. "
                    + "Every other family is kernel code that containers do not need and attackers do: AF_ALG "
                    + "(CVE-2026-31431), AF_VSOCK (reaches the hypervisor), AF_RXRPC, AF_PACKET, AF_KEY; so are "
                    + "netlink's xfrm, netfilter and audit. The answers are those of a kernel built without them, "
                    + "which programs expect: libaudit goes on after EPROTONOSUPPORT and gives up after EPERM."),
            .judged(
                "socketpair", [.allowed(.int(0, is: unix))], otherwise: .refuse(.familyNotSupported),
                because: "Pairs of unix sockets; the other families that can pair (tipc) are not needed."),
        ])
}
