/* Project quotas and loop devices: ioctls and structures that the Glibc module cannot import. */
#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <string.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/quota.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif
#ifndef PRJQUOTA
#define PRJQUOTA 2
#endif

enum { quota_block = 1024 }; /* what dqb_bhardlimit counts in */

int bh_project_read(int file, uint32_t *project, int *inherited) {
    struct fsxattr attributes;
    if (ioctl(file, FS_IOC_FSGETXATTR, &attributes) < 0) return -1;
    *project = attributes.fsx_projid;
    *inherited = (attributes.fsx_xflags & FS_XFLAG_PROJINHERIT) != 0;
    return 0;
}

int bh_project_write(int file, uint32_t project, int inherited) {
    struct fsxattr attributes;
    if (ioctl(file, FS_IOC_FSGETXATTR, &attributes) < 0) return -1;
    attributes.fsx_projid = project;
    if (inherited) attributes.fsx_xflags |= FS_XFLAG_PROJINHERIT;
    return ioctl(file, FS_IOC_FSSETXATTR, &attributes);
}

static int quota(int file, int command, uint32_t project, void *value) {
    return (int)syscall(SYS_quotactl_fd, file, QCMD(command, PRJQUOTA), project, value);
}

int bh_quota_state(int file) {
    struct fs_quota_statv state;
    memset(&state, 0, sizeof state);
    state.qs_version = FS_QSTATV_VERSION1;
    if (quota(file, Q_XGETQSTATV, 0, &state) < 0) return -1;
    return (state.qs_flags & FS_QUOTA_PDQ_ACCT ? 1 : 0) | (state.qs_flags & FS_QUOTA_PDQ_ENFD ? 2 : 0);
}

int bh_quota_read(int file, uint32_t project, struct bh_quota *answer) {
    struct if_dqblk block;
    memset(&block, 0, sizeof block);
    memset(answer, 0, sizeof *answer);
    if (quota(file, Q_GETQUOTA, project, &block) < 0) return errno == ENOENT || errno == ESRCH ? 0 : -1;
    answer->bytes = block.dqb_curspace;
    answer->inodes = block.dqb_curinodes;
    answer->bytes_max = block.dqb_bhardlimit * quota_block;
    answer->inodes_max = block.dqb_ihardlimit;
    return 0;
}

int bh_quota_write(int file, uint32_t project, uint64_t bytes_max, uint64_t inodes_max) {
    struct if_dqblk block;
    memset(&block, 0, sizeof block);
    block.dqb_bhardlimit = bytes_max / quota_block;
    block.dqb_ihardlimit = inodes_max;
    block.dqb_valid = QIF_LIMITS;
    return quota(file, Q_SETQUOTA, project, &block);
}

int bh_loop_free(int control) { return ioctl(control, LOOP_CTL_GET_FREE); }

int bh_loop_configure(int device, int file, unsigned block_size) {
    struct loop_config config;
    memset(&config, 0, sizeof config);
    config.fd = (uint32_t)file;
    config.block_size = block_size;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    return ioctl(device, LOOP_CONFIGURE, &config);
}
