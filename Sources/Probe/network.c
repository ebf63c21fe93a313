/* What can be reached: the host's services, the cloud's metadata, sockets of runtimes, names in the abstract space. */
#define _GNU_SOURCE
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { patience = 700 /* milliseconds */ };

/* Refused by a closed port means that the packet arrived: only silence and "no way" are walls. */
static int reach(int family, const char *text, uint16_t port) {
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    const void *address = family == AF_INET ? (const void *)&v4 : &v6;
    socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;
    void *place = family == AF_INET ? (void *)&v4.sin_addr : &v6.sin6_addr;
    if (inet_pton(family, text, place) != 1) return -EINVAL;
    int socket_ = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
    if (socket_ < 0) return errno;
    if (call3(SYS_connect, socket_, address, length) == 0) return 0;
    if (errno != EINPROGRESS) return errno == ECONNREFUSED ? 0 : errno;
    struct pollfd waiting = { .fd = socket_, .events = POLLOUT };
    if (poll(&waiting, 1, patience) <= 0) return ETIMEDOUT;
    length = sizeof error;
    if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return unprepared();
    return error == ECONNREFUSED ? 0 : error;
}
static int metadata(void) { return reach(AF_INET, "169.254.169.254", 80); }
static int metadata_ecs(void) { return reach(AF_INET, "169.254.170.2", 80); }
static int metadata_alibaba(void) { return reach(AF_INET, "100.100.100.200", 80); }
static int metadata_azure(void) { return reach(AF_INET, "168.63.129.16", 80); }
static int metadata6(void) { return reach(AF_INET6, "fd00:ec2::254", 80); }
static int kubelet(void) { return reach(AF_INET, "10.96.0.1", 443); }
static int docker_gateway(void) { return reach(AF_INET, "172.17.0.1", 22); }

/* Our gateway is the host: no port of its may answer or refuse. */
static int gateway(uint16_t port) {
    char text[4096], address[INET_ADDRSTRLEN];
    if (text_of("/proc/net/route", text, sizeof text) <= 0) return unprepared();
    for (char *line = strchr(text, '\n'); line; line = strchr(line + 1, '\n')) {
        char name[32];
        unsigned to, by;
        if (sscanf(line + 1, "%31s %x %x", name, &to, &by) != 3 || to != 0 || by == 0) continue;
        struct in_addr number = { .s_addr = by };
        if (!inet_ntop(AF_INET, &number, address, sizeof address)) return unprepared();
        return reach(AF_INET, address, port);
    }
    return ENETUNREACH;
}
static int gateway_ssh(void) { return gateway(22); }
static int gateway_docker(void) { return gateway(2375); }
static int gateway_agent(void) { return gateway(5051); }
static int gateway_kubelet(void) { return gateway(10250); }

static int speak_to(const char *path) {
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return unprepared();
    facts->path = path;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return answer(call3(SYS_connect, socket_, &address, sizeof address));
}
static int docker(void) { return speak_to("/var/run/docker.sock"); }
static int docker_run(void) { return speak_to("/run/docker.sock"); }
static int containerd(void) { return speak_to("/run/containerd/containerd.sock"); }
static int crio(void) { return speak_to("/run/crio/crio.sock"); }
static int podman(void) { return speak_to("/run/podman/podman.sock"); }
static int message_bus(void) { return speak_to("/run/dbus/system_bus_socket"); }
static int service_manager(void) { return speak_to("/run/systemd/private"); }
static int device_manager(void) { return speak_to("/run/udev/control"); }
static int agent_doors(void) {
    int directory = open_noting("/run/bulkhead", O_RDONLY | O_DIRECTORY);
    return directory < 0 ? errno : 0;
}

/* In a network namespace of our own nobody has bound a name without a file. */
static int abstract_names(void) {
    char text[16384];
    if (text_of("/proc/net/unix", text, sizeof text) <= 0) return unprepared();
    facts->path = "/proc/net/unix";
    return strstr(text, " @") ? 0 : ENODATA;
}
static int abstract_connect(void) {
    static const char *const names[] = {
        "/org/kernel/linux/storage/multipathd", "/containerd-shim/", "ISCSIADM_ABSTRACT_NAMESPACE",
    };
    int last = ECONNREFUSED;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (socket_ < 0) return unprepared();
        memcpy(address.sun_path + 1, names[i], strlen(names[i]));
        if (call3(SYS_connect, socket_, &address, sizeof(sa_family_t) + 1 + strlen(names[i])) == 0) return 0;
        last = errno;
    }
    return last;
}
/* Sockets that listen are listed by namespace: none is ours. */
static int listeners(const char *path) {
    static char text[65536];
    if (text_of(path, text, sizeof text) <= 0) return errno == ENOENT ? ENOENT : unprepared();
    facts->path = path;
    return strstr(text, " 0A ") ? 0 : ENODATA;
}
static int listeners4(void) { return listeners("/proc/net/tcp"); }
static int listeners6(void) { return listeners("/proc/net/tcp6"); }
static int packet_sockets(void) {
    char text[4096], *line;
    if (text_of("/proc/net/packet", text, sizeof text) <= 0) return errno == ENOENT ? ENOENT : unprepared();
    facts->path = "/proc/net/packet";
    line = strchr(text, '\n');
    return line && line[1] ? 0 : ENODATA;
}
/* struct sockaddr_vm: the hypervisor is 2. */
static int hypervisor(void) {
    struct { uint16_t family, spare; uint32_t port, machine; char zero[4]; } address = { 40, 0, 1024, 2, { 0 } };
    int socket_ = (int)call3(SYS_socket, 40, SOCK_STREAM | SOCK_NONBLOCK, 0);
    return socket_ < 0 ? errno : answer(call3(SYS_connect, socket_, &address, sizeof address));
}

static const struct attempt attempts[] = {
    { "metadata", "reach the cloud's metadata service, 169.254.169.254", metadata },
    { "metadata-ecs", "reach the cloud's credentials for tasks, 169.254.170.2", metadata_ecs },
    { "metadata-alibaba", "reach the cloud's metadata service, 100.100.100.200", metadata_alibaba },
    { "metadata-azure", "reach the cloud's wire server, 168.63.129.16", metadata_azure },
    { "metadata6", "reach the cloud's metadata service, fd00:ec2::254", metadata6 },
    { "cluster-api", "reach a cluster's API at its usual address, 10.96.0.1", kubelet },
    { "docker-bridge", "reach the host at another runtime's bridge, 172.17.0.1", docker_gateway },
    { "gateway-ssh", "reach the host at our gateway, port 22", gateway_ssh },
    { "gateway-docker", "reach the host at our gateway, port 2375", gateway_docker },
    { "gateway-agent", "reach the agent at our gateway, port 5051", gateway_agent },
    { "gateway-kubelet", "reach the host at our gateway, port 10250", gateway_kubelet },
    { "docker-socket", "speak to Docker", docker },
    { "docker-socket-run", "speak to Docker at its other place", docker_run },
    { "containerd-socket", "speak to containerd", containerd },
    { "crio-socket", "speak to CRI-O", crio },
    { "podman-socket", "speak to podman", podman },
    { "bus-socket", "speak to the host's message bus", message_bus },
    { "systemd-socket", "speak to the host's service manager", service_manager },
    { "udev-socket", "speak to the host's device manager", device_manager },
    { "bulkhead-state", "see Bulkhead's own state", agent_doors },
    { "abstract-names", "see names in the abstract space of sockets", abstract_names },
    { "abstract-connect", "speak to a host service by an abstract name (CVE-2020-15257)", abstract_connect },
    { "listeners", "see who listens on the host's ports", listeners4 },
    { "listeners6", "see who listens on the host's ports of IPv6", listeners6 },
    { "packet-sockets", "see who captures packets", packet_sockets },
    { "hypervisor", "speak to the hypervisor over vsock", hypervisor },
    { NULL, NULL, NULL },
};

const struct area network_area = { "network", NULL, NULL, NULL, attempts };
