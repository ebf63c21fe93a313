/* Socket families and protocols that are kernel code no container needs. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ax25 = 3, x25 = 9, rose = 11, key = 15, netlink = 16, packet = 17, rds = 21, pppox = 24, can = 29, tipc = 30,
    bluetooth = 31, iucv = 32, rxrpc = 33, phonet = 35, ieee802154 = 36, caif = 37, alg = 38, nfc = 39, vsock = 40,
    kcm = 41, qipcrtr = 42, smc = 43, xdp = 44, mctp = 45, inet = 2, inet6 = 10,
};
enum { route = 0, usersock = 2, sock_diag = 4, xfrm = 6, audit = 9, fib = 10, connector = 11, netfilter = 12,
       uevent = 15, generic = 16, crypto = 21 };

const struct socket_attempt socket_attempts[] = {
    { "socket-ax25", ax25, SOCK_DGRAM, 0 },
    { "socket-x25", x25, SOCK_SEQPACKET, 0 },
    { "socket-rose", rose, SOCK_SEQPACKET, 0 },
    { "socket-key", key, SOCK_RAW, 2 },
    { "socket-packet", packet, SOCK_RAW, 0 },
    { "socket-rds", rds, SOCK_SEQPACKET, 0 },
    { "socket-pppox", pppox, SOCK_DGRAM, 0 },
    { "socket-can", can, SOCK_RAW, 1 },
    { "socket-tipc", tipc, SOCK_RDM, 0 },
    { "socket-bluetooth", bluetooth, SOCK_RAW, 1 },
    { "socket-iucv", iucv, SOCK_STREAM, 0 },
    { "socket-rxrpc", rxrpc, SOCK_DGRAM, 2 },
    { "socket-phonet", phonet, SOCK_DGRAM, 0 },
    { "socket-ieee802154", ieee802154, SOCK_DGRAM, 0 },
    { "socket-caif", caif, SOCK_SEQPACKET, 0 },
    { "socket-alg", alg, SOCK_SEQPACKET, 0 },
    { "socket-nfc", nfc, SOCK_SEQPACKET, 0 },
    { "socket-vsock", vsock, SOCK_STREAM, 0 },
    { "socket-kcm", kcm, SOCK_DGRAM, 0 },
    { "socket-qipcrtr", qipcrtr, SOCK_DGRAM, 0 },
    { "socket-smc", smc, SOCK_STREAM, 0 },
    { "socket-xdp", xdp, SOCK_RAW, 0 },
    { "socket-mctp", mctp, SOCK_DGRAM, 0 },
    { "netlink-usersock", netlink, SOCK_RAW, usersock },
    { "netlink-sock-diag", netlink, SOCK_RAW, sock_diag },
    { "netlink-xfrm", netlink, SOCK_RAW, xfrm },
    { "netlink-audit", netlink, SOCK_RAW, audit },
    { "netlink-fib", netlink, SOCK_RAW, fib },
    { "netlink-connector", netlink, SOCK_RAW, connector },
    { "netlink-netfilter", netlink, SOCK_RAW, netfilter },
    { "netlink-uevent", netlink, SOCK_RAW, uevent },
    { "netlink-generic", netlink, SOCK_RAW, generic },
    { "netlink-crypto", netlink, SOCK_RAW, crypto },
    { "raw-icmp", inet, SOCK_RAW, 1 },
    { "raw-icmp6", inet6, SOCK_RAW, 58 },
    { "raw-ip", inet, SOCK_RAW, 255 },
    { "netlink-route", netlink, SOCK_RAW, route },
    { "tcp", inet, SOCK_STREAM, 0 },
    { NULL, 0, 0, 0 },
};

int try_socket(const struct socket_attempt *attempt) {
    return socket(attempt->family, attempt->type, attempt->protocol) < 0 ? errno : 0;
}
