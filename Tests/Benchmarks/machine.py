"""The machine the numbers come from, and a private corner of it to measure in."""
import ctypes
import os
import platform
import shutil
import subprocess

UNIFIED = "/sys/fs/cgroup/unified"
CLONE_NEWNS = 0x20000  # sched.h


def enter_private_mounts():
    """Gives this process a mount namespace of its own. Nothing that is mounted from here on is seen outside."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    # crun refuses a host with both versions of cgroups: every tool gets the same view, of version 2 alone.
    if os.path.exists(UNIFIED + "/cgroup.procs"):
        subprocess.run(["mount", "--bind", UNIFIED, "/sys/fs/cgroup"], check=True)


def mount_memory(path):
    """A tmpfs for the state of running containers, as /run is on most hosts."""
    os.makedirs(path, mode=0o711, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0711", "tmpfs", path], check=True)


def mount_disk(path, image, gigabytes=12):
    """An ext4 nothing was ever removed from, in the file `image`: for minutes after an inode is freed ext4 looks at it, and at
    each of its neighbours, before it makes a new file nearby, and who pays for what was measured before is chance. False where
    the machine has no loop device to spare."""
    os.makedirs(path, mode=0o711, exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(gigabytes << 30)
    subprocess.run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, path]).returncode != 0:
        os.unlink(image)
        return False
    os.chmod(path, 0o711)
    return True


def unmount_below(path):
    """Everything that is mounted below `path`, the last first."""
    with open("/proc/self/mountinfo") as file:
        places = [line.split()[4] for line in file]
    for place in reversed(places):
        if place.startswith(path + "/"):
            subprocess.run(["umount", "--lazy", place], stderr=subprocess.DEVNULL)


def memory_share(process):
    """Proportional set size of a process in KiB, from /proc/PID/smaps_rollup."""
    with open(f"/proc/{process}/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def available_memory():
    """MiB the kernel could give without taking any back from programs."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("MemAvailable:")) / 1024


def compile_program(source, into, libraries=()):
    """A C program of this folder: static, but for one that uses libraries of the system."""
    compiler = shutil.which("musl-gcc") if source.name == "stopwatch.c" else None
    linked = [f"-l{name}" for name in libraries] or ["-static"]
    subprocess.run([compiler or "gcc", "-std=gnu17", "-O2", "-o", into, source, *linked], check=True)
    return str(into)


def synchronise():
    """Waits until the disk has nothing left to write, so that one run does not pay for the one before."""
    ctypes.CDLL(None).sync()


def facts():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    with open("/proc/loadavg") as file:
        load = file.read().split()[0]
    return {"kernel": platform.release(), "processors": os.cpu_count(), "model": model, "load": load}


def version(command):
    try:
        text = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
        return text.splitlines()[0].strip() if text else ""
    except (OSError, subprocess.SubprocessError):
        return ""
