"""The bundle that OCI runtimes get: the same root file system, the same namespaces and walls as our default."""
import json
import os
import re
import shutil
import subprocess

FIRST_ID, ID_COUNT = 0x1000_0000, 65_536
CAPABILITIES = [
    "CAP_" + name for name in
    "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT".split()
]
# Everything else this kernel's headers name is allowed: a list about as long as other default profiles.
BLOCKED = set(
    "acct add_key bpf clock_adjtime clock_settime delete_module finit_module fsconfig fsmount fsopen fspick init_module "
    "ioperm iopl kexec_file_load kexec_load keyctl lookup_dcookie mount mount_setattr move_mount name_to_handle_at "
    "nfsservctl open_by_handle_at open_tree perf_event_open pivot_root process_madvise quotactl quotactl_fd reboot "
    "request_key setdomainname sethostname setns settimeofday swapoff swapon syslog umount2 unshare userfaultfd "
    "uselib ustat vhangup".split())
MASKED = """acpi asound config.gz diskstats interrupts iomem ioports kallsyms kcore key-users keys kmsg kpagecgroup kpagecount
    kpageflags latency_stats mdstat modules pagetypeinfo sched_debug scsi slabinfo softirqs swaps timer_list timer_stats
    vmallocinfo zoneinfo""".split()
READ_ONLY = "bus dynamic_debug fs irq sys sysrq-trigger".split()


def system_calls():
    for path in ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h"]:
        if os.path.exists(path):
            with open(path) as file:
                return sorted(set(re.findall(r"define __NR(?:3264)?_(\w+)\s", file.read())) - BLOCKED)
    return []


def mounts():
    quiet = ["nosuid", "noexec", "nodev"]
    made = lambda target, kind, options: {
        "destination": target, "type": kind, "source": kind, "options": options}
    return [
        made("/proc", "proc", quiet), made("/sys", "sysfs", quiet + ["ro"]),
        made("/dev", "tmpfs", ["nosuid", "mode=755", "size=1m"]),
        made("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        made("/dev/shm", "tmpfs", quiet + ["mode=1777", "size=64m"]), made("/dev/mqueue", "mqueue", quiet),
    ]


def configuration(arguments):
    identities = [{"containerID": 0, "hostID": FIRST_ID, "size": ID_COUNT}]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": arguments, "env": ["PATH=/bin"], "cwd": "/",
            "capabilities": {kind: CAPABILITIES for kind in ["bounding", "effective", "permitted"]},
            "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}], "noNewPrivileges": True,
        },
        "root": {"path": "rootfs"}, "hostname": "container", "mounts": mounts(),
        "linux": {
            "namespaces": [{"type": kind} for kind in ["user", "mount", "pid", "network", "ipc", "uts", "cgroup"]],
            "uidMappings": identities, "gidMappings": identities,
            "maskedPaths": ["/proc/" + name for name in MASKED] + ["/sys/firmware", "/sys/kernel", "/sys/module", "/sys/power"],
            "readonlyPaths": ["/proc/" + name for name in READ_ONLY],
            "seccomp": {
                "defaultAction": "SCMP_ACT_ERRNO",
                "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
                if os.uname().machine == "x86_64" else [],
                "syscalls": [{"names": system_calls(), "action": "SCMP_ACT_ALLOW"}],
            },
        },
    }


class Runtime:
    """An OCI runtime, ours or another, with the bundles all of them get. `program` is its path."""

    def __init__(self, name, scratch, program=None):
        self.name = name
        self.program = program or name
        self.kept = "kept-" + re.sub("[^a-z]", "-", name)
        self.root = f"{scratch}/run/{name}"
        self.bundle = f"{scratch}/bundle"
        self.count = 0

    @property
    def is_there(self):
        return shutil.which(self.program) is not None

    def command(self, *words):
        return [self.program, "--root", self.root, *words]

    def run(self, stopwatch):
        self.count += 1
        return stopwatch.run(
            self.command("run", "--bundle", self.bundle + "/true", f"b{self.count}"))["microseconds"]

    def together(self, stopwatch, count, hands):
        """Microseconds for `count` containers that run true, so many at a time."""
        self.count += 1
        return stopwatch.run(
            self.command("run", "--bundle", self.bundle + "/true", f"c{self.count}-"), many=(count, hands))["microseconds"]

    def start(self):
        # A file of its own for its streams: crun gives them to the container's user, and would so give /dev/null away.
        with open(f"{self.bundle}/streams", "w+") as streams:
            subprocess.run(
                self.command("run", "--detach", "--bundle", self.bundle + "/sleep", self.kept), check=True,
                stdin=streams, stdout=streams, stderr=streams, timeout=60)

    def exec(self, stopwatch):
        return stopwatch.run(self.command("exec", self.kept, "/bin/true"))["microseconds"]

    def stop(self):
        subprocess.run(
            self.command("delete", "--force", self.kept), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


def make_bundles(layer, scratch):
    """Bundles with the layer's files, owned by the ids they are mapped to: runtimes do not map them by mount."""
    bundle = f"{scratch}/bundle"
    for name, arguments in [("true", ["/bin/true"]), ("sleep", ["/bin/sleep", "86400"])]:
        os.makedirs(f"{bundle}/{name}")
        subprocess.run(["cp", "-a", layer, f"{bundle}/{name}/rootfs"], check=True)
        subprocess.run(["chown", "-hR", f"{FIRST_ID}:{FIRST_ID}", f"{bundle}/{name}/rootfs"], check=True)
        with open(f"{bundle}/{name}/config.json", "w") as file:
            json.dump(configuration(arguments), file)


def podman_command(root, run_root, archive):
    """What runs `true` in busybox with podman, without a network and a cgroup, once it was seen to work; CalledProcessError
    or OSError where it does not."""
    base = ["podman", "--root", root, "--runroot", run_root, "--cgroup-manager=cgroupfs"]
    once = base + ["run", "--rm", "--network=none", "--pull=never", "--cgroups=disabled", "--ulimit=nofile=1024:1024",
                   "--ulimit=nproc=1024:1024", "docker.io/library/busybox:latest", "/bin/true"]
    for command in [base + ["load", "--input", archive], once]:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return once
