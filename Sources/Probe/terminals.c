/* Terminals: typing into them, taking them, and line disciplines that are modules. */
#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

enum { get_peer = 0x5441, hang_up = 0x5437, lock_settings = 0x5457, console = 0x541d, exclusive = 0x540c };

/* A terminal of our own, controlling us: whoever judges has begun a session for us. */
static int own_terminal(void) {
    int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), locked = 0;
    if (terminal < 0 || ioctl(terminal, TIOCSPTLCK, &locked) < 0) return -1;
    return ioctl(terminal, get_peer, O_RDWR);
}
static int order(unsigned long request, const void *argument) {
    int terminal = own_terminal();
    return terminal < 0 ? unprepared() : answer(call3(SYS_ioctl, terminal, request, argument));
}
static const char letter = 'x', paste = 3;
static const int slip = 1, ppp = 3, gsm = 21, hdlc = 13;
static int type_into(void) { return order(TIOCSTI, &letter); }
static int paste_into(void) { return order(TIOCLINUX, &paste); }
/* The high half of the request is not looked at by the kernel and so must not be by the filter (CVE-2019-10063). */
static int type_high(void) { return order(0x100000000ul | TIOCSTI, &letter); }
static int paste_high(void) { return order(0x100000000ul | TIOCLINUX, &paste); }
static int discipline_high(void) { return order(0x100000000ul | TIOCSETD, &ppp); }
/* slip and its like are modules the kernel would load */
static int discipline_slip(void) { return order(TIOCSETD, &slip); }
static int discipline_ppp(void) { return order(TIOCSETD, &ppp); }
static int discipline_gsm(void) { return order(TIOCSETD, &gsm); }
static int discipline_hdlc(void) { return order(TIOCSETD, &hdlc); }
static int take_console(void) { return order(console, NULL); }
static int hang_up_all(void) { return order(hang_up, NULL); }
static int lock_all(void) {
    struct termios settings = { 0 };
    return order(lock_settings, &settings);
}
static int steal(void) {
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0) return errno;
    return answer(call3(SYS_ioctl, terminal, TIOCSCTTY, 1));
}
/* Only the terminals of our own devpts have numbers there. */
static int others(void) {
    char path[32];
    for (int number = 1; number < 64; number++) {
        (void)snprintf(path, sizeof path, "/dev/pts/%d", number);
        if (open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) >= 0) return 0;
    }
    return errno;
}

static const struct attempt attempts[] = {
    { "tiocsti", "type into our terminal (CVE-2017-5226)", type_into },
    { "tiocsti-high-bits", "type into our terminal with high bits (CVE-2019-10063)", type_high },
    { "tioclinux", "paste into our terminal", paste_into },
    { "tioclinux-high-bits", "paste into our terminal with high bits", paste_high },
    { "tiocsetd", "load the line discipline of PPP", discipline_ppp },
    { "tiocsetd-slip", "load the line discipline of SLIP", discipline_slip },
    { "tiocsetd-gsm", "load the line discipline of GSM (CVE-2023-6546)", discipline_gsm },
    { "tiocsetd-hdlc", "load the line discipline of HDLC (CVE-2017-2636)", discipline_hdlc },
    { "tiocsetd-high-bits", "load a line discipline with high bits", discipline_high },
    { "tioccons", "take the console's messages", take_console },
    { "tiocvhangup", "hang up a terminal for all its users", hang_up_all },
    { "tiocslcktrmios", "lock a terminal's settings", lock_all },
    { "steal-terminal", "steal another session's terminal", steal },
    { "other-terminals", "open other terminals", others },
    { NULL, NULL, NULL },
};

const struct area terminal_area = { "terminals", NULL, NULL, NULL, attempts };
