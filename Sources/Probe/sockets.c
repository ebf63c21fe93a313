/* Socket families and protocols that are kernel code no container needs, and powers over the network stack. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    ax25 = 3, x25 = 9, rose = 11, key = 15, netlink = 16, packet = 17, rds = 21, pppox = 24, can = 29, tipc = 30,
    bluetooth = 31, iucv = 32, rxrpc = 33, phonet = 35, ieee802154 = 36, caif = 37, alg = 38, nfc = 39, vsock = 40,
    kcm = 41, qipcrtr = 42, smc = 43, xdp = 44, mctp = 45, inet = 2, inet6 = 10,
};
enum { route = 0, usersock = 2, sock_diag = 4, xfrm = 6, audit = 9, fib = 10, connector = 11, netfilter = 12,
       uevent = 15, generic = 16, crypto = 21 };

static const struct socket_attempt sockets[] = {
    { "socket-ax25", "open a socket of AX.25", ax25, SOCK_DGRAM, 0 },
    { "socket-x25", "open a socket of X.25", x25, SOCK_SEQPACKET, 0 },
    { "socket-rose", "open a socket of ROSE", rose, SOCK_SEQPACKET, 0 },
    { "socket-key", "open a socket of IPsec keys", key, SOCK_RAW, 2 },
    { "socket-packet", "open a socket of raw packets", packet, SOCK_RAW, 0 },
    { "socket-rds", "open a socket of RDS", rds, SOCK_SEQPACKET, 0 },
    { "socket-pppox", "open a socket of PPPoX", pppox, SOCK_DGRAM, 0 },
    { "socket-can", "open a socket of CAN", can, SOCK_RAW, 1 },
    { "socket-tipc", "open a socket of TIPC", tipc, SOCK_RDM, 0 },
    { "socket-bluetooth", "open a socket of Bluetooth", bluetooth, SOCK_RAW, 1 },
    { "socket-iucv", "open a socket of IUCV", iucv, SOCK_STREAM, 0 },
    { "socket-rxrpc", "open a socket of RxRPC", rxrpc, SOCK_DGRAM, 2 },
    { "socket-phonet", "open a socket of Phonet", phonet, SOCK_DGRAM, 0 },
    { "socket-ieee802154", "open a socket of IEEE 802.15.4", ieee802154, SOCK_DGRAM, 0 },
    { "socket-caif", "open a socket of CAIF", caif, SOCK_SEQPACKET, 0 },
    { "socket-alg", "open a socket of the kernel's cryptography (AF_ALG)", alg, SOCK_SEQPACKET, 0 },
    { "socket-nfc", "open a socket of NFC", nfc, SOCK_SEQPACKET, 0 },
    { "socket-vsock", "open a socket of the hypervisor (AF_VSOCK)", vsock, SOCK_STREAM, 0 },
    { "socket-kcm", "open a socket of KCM", kcm, SOCK_DGRAM, 0 },
    { "socket-qipcrtr", "open a socket of Qualcomm IPC", qipcrtr, SOCK_DGRAM, 0 },
    { "socket-smc", "open a socket of SMC", smc, SOCK_STREAM, 0 },
    { "socket-xdp", "open a socket of XDP", xdp, SOCK_RAW, 0 },
    { "socket-mctp", "open a socket of MCTP", mctp, SOCK_DGRAM, 0 },
    { "netlink-usersock", "speak to the kernel over netlink, usersock", netlink, SOCK_RAW, usersock },
    { "netlink-sock-diag", "speak to the kernel over netlink, sock-diag", netlink, SOCK_RAW, sock_diag },
    { "netlink-xfrm", "speak to the kernel over netlink, xfrm", netlink, SOCK_RAW, xfrm },
    { "netlink-audit", "speak to the kernel over netlink, audit", netlink, SOCK_RAW, audit },
    { "netlink-fib", "speak to the kernel over netlink, fib", netlink, SOCK_RAW, fib },
    { "netlink-connector", "speak to the kernel over netlink, connector", netlink, SOCK_RAW, connector },
    { "netlink-netfilter", "speak to the kernel over netlink, netfilter", netlink, SOCK_RAW, netfilter },
    { "netlink-uevent", "speak to the kernel over netlink, uevent", netlink, SOCK_RAW, uevent },
    { "netlink-generic", "speak to the kernel over netlink, generic", netlink, SOCK_RAW, generic },
    { "netlink-crypto", "speak to the kernel over netlink, crypto", netlink, SOCK_RAW, crypto },
    { "raw-icmp", "send raw packets, icmp", inet, SOCK_RAW, 1 },
    { "raw-icmp6", "send raw packets, icmp6", inet6, SOCK_RAW, 58 },
    { "raw-ip", "send raw packets, ip", inet, SOCK_RAW, 255 },
    { "socket-ipx", "open a socket of IPX", 4, SOCK_DGRAM, 0 },
    { "socket-appletalk", "open a socket of AppleTalk", 5, SOCK_DGRAM, 0 },
    { "socket-netrom", "open a socket of NET/ROM", 6, SOCK_SEQPACKET, 0 },
    { "socket-atm", "open a socket of ATM", 8, SOCK_DGRAM, 0 },
    { "socket-decnet", "open a socket of DECnet", 12, SOCK_SEQPACKET, 0 },
    { "socket-security", "open a socket of family 14", 14, SOCK_RAW, 0 },
    { "socket-econet", "open a socket of Econet", 19, SOCK_DGRAM, 0 },
    { "socket-atm-switched", "open a socket of ATM's switched circuits", 20, SOCK_DGRAM, 0 },
    { "socket-irda", "open a socket of infrared", 23, SOCK_DGRAM, 0 },
    { "socket-llc", "open a socket of LLC (CVE-2020-12352's neighbour)", 26, SOCK_STREAM, 0 },
    { "socket-infiniband", "open a socket of InfiniBand", 27, SOCK_STREAM, 0 },
    { "socket-mpls", "open a socket of MPLS", 28, SOCK_RAW, 0 },
    { "socket-isdn", "open a socket of ISDN", 34, SOCK_RAW, 0 },
    { "socket-beyond", "open a socket of a family beyond the last", 46, SOCK_STREAM, 0 },
    { "netlink-iscsi", "speak to the kernel over netlink, iscsi", netlink, SOCK_RAW, 8 },
    { "netlink-selinux", "speak to the kernel over netlink, selinux", netlink, SOCK_RAW, 7 },
    { "netlink-scsi", "speak to the kernel over netlink, scsi transport", netlink, SOCK_RAW, 18 },
    { "netlink-rdma", "speak to the kernel over netlink, rdma", netlink, SOCK_RAW, 20 },
    { "netlink-smc", "speak to the kernel over netlink, smc", netlink, SOCK_RAW, 22 },
    { "raw-tcp", "send raw packets, tcp", inet, SOCK_RAW, 6 },
    { "raw-udp6", "send raw packets, udp6", inet6, SOCK_RAW, 17 },
    { "packet-of-inet", "open a packet socket as Linux 2.0 did", inet, 10, 3 << 8 },
    { NULL, NULL, 0, 0, 0 },
};

static int pair_of_tipc(void) {
    int pair[2];
    return answer(call4(SYS_socketpair, tipc, SOCK_RDM, 0, pair));
}
static int pair_of_netlink(void) {
    int pair[2];
    return answer(call4(SYS_socketpair, netlink, SOCK_RAW, 0, pair));
}

static int interface_order(unsigned long read_request, unsigned long request) {
    struct ifreq order;
    memset(&order, 0, sizeof order);
    memcpy(order.ifr_name, "lo", 3);
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return unprepared();
    if (ioctl(socket_, read_request, &order) < 0) return unprepared();
    return answer(call3(SYS_ioctl, socket_, request, &order));
}
/* Each sets what is set already. */
static int interface_flags(void) { return interface_order(SIOCGIFFLAGS, SIOCSIFFLAGS); }
static int interface_size(void) { return interface_order(SIOCGIFMTU, SIOCSIFMTU); }
static int interface_name(void) {
    struct ifreq order;
    memset(&order, 0, sizeof order);
    memcpy(order.ifr_name, "no-such", 8);
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return socket_ < 0 ? unprepared() : answer(call3(SYS_ioctl, socket_, SIOCSIFNAME, &order));
}

static int set_option(int level, int option, const void *value, unsigned length) {
    int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return socket_ < 0 ? unprepared() : answer(call5(SYS_setsockopt, socket_, level, option, value, length));
}
static const int one = 1;
static int mark_packets(void) { return set_option(SOL_SOCKET, 36 /* SO_MARK */, &one, sizeof one); }
static int force_buffer(void) { return set_option(SOL_SOCKET, 33 /* SO_RCVBUFFORCE */, &one, sizeof one); }
static int debug_socket(void) { return set_option(SOL_SOCKET, SO_DEBUG, &one, sizeof one); }
static int be_transparent(void) { return set_option(IPPROTO_IP, 19 /* IP_TRANSPARENT */, &one, sizeof one); }
static int repair_connection(void) { return set_option(IPPROTO_TCP, 19 /* TCP_REPAIR */, &one, sizeof one); }
/* The tables of the old packet filter (CVE-2021-22555). */
static int old_packet_filter(void) {
    static const char table[96] = "filter";
    int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return socket_ < 0 ? unprepared() : answer(call5(SYS_setsockopt, socket_, IPPROTO_IP, 64, table, sizeof table));
}
static int old_packet_filter6(void) {
    static const char table[96] = "filter";
    int socket_ = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return socket_ < 0 ? unprepared() : answer(call5(SYS_setsockopt, socket_, IPPROTO_IPV6, 64, table, sizeof table));
}

/* One order over rtnetlink(7); what came back is in the answer's own errno. */
static int route_order(uint16_t type, const void *body, size_t length) {
    struct { uint32_t length; uint16_t type, flags; uint32_t sequence, process; char body[64]; } order = {
        .length = (uint32_t)(16 + length), .type = type, .flags = 1 | 4 | 0x400 | 0x200, .sequence = 1,
    };
    struct { uint32_t length; uint16_t type, flags; uint32_t sequence, process; int error; char rest[512]; } reply;
    memcpy(order.body, body, length);
    int socket_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return errno;
    if (send(socket_, &order, order.length, 0) < 0 || recv(socket_, &reply, sizeof reply, 0) < 20) return unprepared();
    return reply.type == 2 ? -reply.error : 0;
}
static int new_interface(void) {
    /* struct ifinfomsg, then IFLA_LINKINFO { IFLA_INFO_KIND "dummy" } */
    struct { char info[16]; uint16_t length, type, kind_length, kind_type; char kind[8]; } body = {
        .length = 16, .type = 18, .kind_length = 10, .kind_type = 1, .kind = "dummy",
    };
    return route_order(16 /* RTM_NEWLINK */, &body, sizeof body);
}
static int new_route(void) {
    /* struct rtmsg: an unreachable route to everywhere */
    const unsigned char body[12] = { 2, 0, 0, 0, 254, 3, 0, 7, 0, 0, 0, 0 };
    return route_order(24 /* RTM_NEWROUTE */, body, sizeof body);
}
static int new_queue(void) {
    /* struct tcmsg: loopback's root queue, of no kind (CVE-2023-31436 and its family) */
    const uint32_t body[5] = { 0, 1, 0, 0xffffffff, 0 };
    return route_order(36 /* RTM_NEWQDISC */, body, sizeof body);
}

static const struct attempt attempts[] = {
    { "socketpair-tipc", "make a pair of TIPC sockets", pair_of_tipc },
    { "socketpair-netlink", "make a pair of netlink sockets", pair_of_netlink },
    { "interface-down", "change an interface's flags", interface_flags },
    { "interface-size", "change an interface's packet size", interface_size },
    { "interface-name", "rename an interface", interface_name },
    { "packet-mark", "mark packets for the host's routing", mark_packets },
    { "force-buffer", "take more buffer than the limit", force_buffer },
    { "socket-debug", "debug a socket", debug_socket },
    { "transparent", "answer for other addresses", be_transparent },
    { "repair-connection", "forge a connection's state", repair_connection },
    { "packet-filter", "replace the packet filter (CVE-2021-22555)", old_packet_filter },
    { "packet-filter6", "replace the packet filter of IPv6", old_packet_filter6 },
    { "new-interface", "make a network interface", new_interface },
    { "new-route", "add a route", new_route },
    { "new-queue", "change an interface's queueing", new_queue },
    { NULL, NULL, NULL },
};

const struct area socket_area = { "sockets", NULL, sockets, NULL, attempts };
