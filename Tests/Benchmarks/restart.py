"""An agent that is killed while its tasks run, and started again: how long until it has taken all of them over. And what
of memory it takes: alone, with its tasks, and one process that is master and agent."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

import machine
import tasks
from clusterload import await_health

BUDGET, MEMORY_IDLE, MEMORY = 2.0, 40, 80  # seconds; MB resident without tasks, and with as many as SIZES says
SIZES = [100, 1000]


def measure(program, quick):
    machine.enter_private_mounts()
    return [one(program, count) for count in (SIZES[:1] if quick else SIZES)]


def one(program, count):
    # In memory, as /run of a usual host; a disk's own cost is what the tasks' sandboxes would show, not the agent.
    below = tempfile.mkdtemp(prefix="bulkhead-restart.", dir=os.environ.get("BULKHEAD_BENCH_SCRATCH"))
    os.chmod(below, 0o711)
    scratch = f"{below}/memory"
    machine.mount_memory(scratch)
    folder = pathlib.Path(program).parent
    images = os.environ.get("BULKHEAD_TEST_IMAGES", str(tasks.ROOT / "images/out"))
    for name in ["store", "state", "work"]:
        os.mkdir(f"{scratch}/{name}", 0o700)
    environment = dict(
        os.environ, BULKHEAD_STORE=f"{scratch}/store", BULKHEAD_STATE=f"{scratch}/state",
        BULKHEAD_UNPACK=str(folder / "bulkhead-unpack"), BULKHEAD_LAUNCHER=str(folder / "bulkhead-launch"))
    cluster = Cluster(program, f"{scratch}/work", environment)
    try:
        subprocess.run(
            [folder / "bulkhead", "image", "import", "--quiet", f"{images}/busybox.tar", "--name", "busybox"],
            env=environment, check=True, stdout=subprocess.DEVNULL)
        return cluster.measure(count)
    finally:
        cluster.end()
        machine.unmount_below(below)
        shutil.rmtree(below, ignore_errors=True)


class Cluster:
    def __init__(self, program, work, environment):
        self.program, self.work, self.environment = program, work, environment
        self.log = open(f"{work}/log", "w")
        self.processes = []
        self.port, self.agent_port = free_port(), free_port()

    def start(self, *arguments):
        process = subprocess.Popen(
            [self.program, *arguments], env=self.environment, stdout=self.log, stderr=self.log)
        self.processes.append(process)
        return process

    def agent(self):
        return self.start(
            "agent", "--master", f"http://127.0.0.1:{self.port}", "--port", str(self.agent_port), "--work-dir",
            f"{self.work}/agent", "--resources", "cpus:64;mem:65536", "--unenforced", "allow", "--disk-headroom", "0",
            "--registration-backoff", "10ms")

    def measure(self, count):
        found = {"tasks": count, "local": self.local()}
        self.start("master", "--port", str(self.port), "--work-dir", f"{self.work}/master")
        await_health(self.port)
        agent = self.agent()
        await_health(self.agent_port)
        until(lambda: metric(self.port, "master/slaves_active") == 1, "the agent is registered")
        found["idle"] = memory(agent.pid)
        scheduler = tasks.Scheduler(self.port)
        begun = time.monotonic()
        scheduler.keep_running(count)
        found["started_s"] = time.monotonic() - begun
        found["busy"] = memory(agent.pid)
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        begun = time.monotonic()
        agent = self.agent()
        await_health(self.agent_port)
        found["listens_s"] = time.monotonic() - begun
        until(lambda: metric(self.agent_port, "slave/tasks_running") == count, "all are taken over")
        found["adopted_s"] = time.monotonic() - begun
        until(lambda: metric(self.port, "master/slaves_active") == 1, "the agent is back")
        until(lambda: metric(self.port, "master/tasks_running") == count, "the master knows of all")
        found["registered_s"] = time.monotonic() - begun
        found["adopted"] = memory(agent.pid)
        scheduler.call("TEARDOWN")
        until(lambda: metric(self.agent_port, "slave/tasks_running") == 0, "all have ended")
        return found

    def local(self):
        """The memory of one process with both, idle."""
        port = free_port()
        process = self.start(
            "local", "--port", str(port), "--agent-port", str(free_port()), "--work-dir", f"{self.work}/local",
            "--unenforced", "allow")
        await_health(port)
        until(lambda: metric(port, "master/slaves_active") == 1, "the agent is registered")
        found = memory(process.pid)
        process.terminate()
        process.wait()
        return found

    def end(self):
        """Agents before the master: they end what still runs."""
        for process in reversed(self.processes):
            process.terminate()
            process.wait()
        self.log.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def metric(port, name):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics/snapshot") as answer:
            return json.load(answer).get(name)
    except OSError:
        return None


def until(holds, what):
    deadline = time.monotonic() + 120
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"it never came to this: {what}")
        time.sleep(0.01)


def memory(pid):
    """MB resident, and of these what is the process's own and no page of a file."""
    with open(f"/proc/{pid}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return [int(fields[name].split()[0]) / 1024 for name in ["VmRSS", "RssAnon"]]


def rows(found):
    head = ["tasks", "started s", "listens s", "all taken over s", "at most", "master knows s"] + [
        f"{what} MB, own" for what in ["local idle", "agent idle", "with tasks", "after the restart"]]
    return head, [
        [row["tasks"], f'{row["started_s"]:.1f}', f'{row["listens_s"]:.2f}', f'{row["adopted_s"]:.2f}',
         BUDGET if row["tasks"] == SIZES[-1] else "-", f'{row["registered_s"]:.2f}',
         *[f"{row[name][0]:.0f}, {row[name][1]:.0f}" for name in ["local", "idle", "busy", "adopted"]]]
        for row in found]
