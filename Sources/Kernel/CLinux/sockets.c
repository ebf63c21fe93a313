/* Sockets and epoll behind functions that take no unions, for Swift. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

int bh_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int bh_epoll_add(int epoll, int descriptor, int writing, uint64_t key) {
    struct epoll_event event = { .events = (writing ? EPOLLOUT : EPOLLIN) | EPOLLONESHOT, .data.u64 = key };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

int bh_epoll_remove(int epoll, int descriptor) { return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL); }

int bh_epoll_wait(int epoll, uint64_t *keys, int most) {
    struct epoll_event events[256];
    int count = epoll_wait(epoll, events, most < 256 ? most : 256, -1);
    for (int i = 0; i < count; i++) keys[i] = events[i].data.u64;
    return count;
}

int bh_stream_socket(int family) { return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

int bh_accept(int socket) { return accept4(socket, NULL, NULL, SOCK_CLOEXEC); }

static int resolve(const char *address, uint16_t port, struct sockaddr_storage *place, socklen_t *size) {
    struct sockaddr_in *four = (struct sockaddr_in *)place;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)place;
    memset(place, 0, sizeof *place);
    if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        *size = sizeof *four;
        return 0;
    }
    if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        *size = sizeof *six;
        return 0;
    }
    errno = EINVAL;
    return -1;
}

int bh_bind(int socket, const char *address, uint16_t port) {
    struct sockaddr_storage place;
    socklen_t size;
    int on = 1; /* a listener made anew must not wait for connections of the last one to be forgotten */
    if (resolve(address, port, &place, &size) < 0) return -1;
    if (setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0) return -1;
    return bind(socket, (struct sockaddr *)&place, size);
}

int bh_connect(int socket, const char *address, uint16_t port) {
    struct sockaddr_storage place;
    socklen_t size;
    if (resolve(address, port, &place, &size) < 0) return -1;
    return connect(socket, (struct sockaddr *)&place, size);
}

int bh_socket_error(int socket) {
    int error = 0;
    socklen_t size = sizeof error;
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? -1 : error;
}

int bh_unix_connect(int socket, const char *path) {
    struct sockaddr_un place = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof place.sun_path) { errno = ENAMETOOLONG; return -1; }
    strcpy(place.sun_path, path);
    return connect(socket, (struct sockaddr *)&place, sizeof place);
}

/* Sockets that keep packets apart, by a path that may lead through /proc/self/fd: sun_path is short. */
static int packet_socket(const char *path, struct sockaddr_un *place) {
    memset(place, 0, sizeof *place);
    place->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof place->sun_path) { errno = ENAMETOOLONG; return -1; }
    strcpy(place->sun_path, path);
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

static int done_or_closed(int result, int socket) {
    int error = errno;
    if (result == 0) return socket;
    (void)close(socket);
    errno = error;
    return -1;
}

int bh_packet_listen(const char *path) {
    struct sockaddr_un place;
    int socket = packet_socket(path, &place);
    if (socket < 0) return -1;
    int result = bind(socket, (struct sockaddr *)&place, sizeof place);
    return done_or_closed(result < 0 ? -1 : listen(socket, 1), socket);
}

int bh_packet_connect(const char *path) {
    struct sockaddr_un place;
    int socket = packet_socket(path, &place);
    return socket < 0 ? -1 : done_or_closed(connect(socket, (struct sockaddr *)&place, sizeof place), socket);
}
