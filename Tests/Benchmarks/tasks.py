"""Tasks a second, end to end on one agent: a scheduler launches busybox's `true` over HTTP and acknowledges every update."""
import concurrent.futures
import http.client
import json
import multiprocessing
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import machine
import peers
from clusterload import await_health

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
AT_ONCE = 50  # tasks of one accepted offer, if it has room for so many
CPUS, MEMORY = 0.01, 16  # of a task


def measure(program, quick):
    """Several runs against one cluster; each row has the processor time a task took of master, agent and container."""
    folder = pathlib.Path(program).parent
    images = os.environ.get("BULKHEAD_TEST_IMAGES", str(ROOT / "images/out"))
    scratch = tempfile.mkdtemp(prefix="bulkhead-tasks.", dir=os.environ.get("BULKHEAD_BENCH_SCRATCH"))
    # What runs is noted in memory, as in /run of a usual host.
    state = tempfile.mkdtemp(prefix="bulkhead-tasks.", dir="/dev/shm")
    os.chmod(scratch, 0o711)
    for path in [f"{scratch}/store", f"{scratch}/work"]:
        os.mkdir(path, 0o700)
    environment = dict(
        os.environ, BULKHEAD_STORE=f"{scratch}/store", BULKHEAD_STATE=state,
        BULKHEAD_UNPACK=str(folder / "bulkhead-unpack"), BULKHEAD_LAUNCHER=str(folder / "bulkhead-launch"))
    try:
        subprocess.run(
            [folder / "bulkhead", "image", "import", "--quiet", f"{images}/busybox.tar", "--name", "busybox"],
            env=environment, check=True, stdout=subprocess.DEVNULL)
        found = {"runs": runs(program, f"{scratch}/work", environment, *((2, 200) if quick else (5, 1000)))}
        with multiprocessing.get_context("fork").Pool(1) as apart:
            podman = apart.apply(podman_rate, (scratch, f"{images}/busybox.tar", 16 if quick else 80))
            apart.close()
            apart.join()
        return found | ({"podman_per_s": podman} if podman else {})
    finally:
        shutil.rmtree(state, ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)


def podman_rate(scratch, archive, count):
    """Containers a second of `podman run --rm`, eight at once; nothing where it does not work. For a process of its own: it
    goes where there is version 2 of cgroups alone, and does not come back."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        machine.enter_private_mounts()
        once = peers.podman_command(f"{scratch}/podman", f"{scratch}/podman-run", archive)
        with concurrent.futures.ThreadPoolExecutor(8) as hands:
            started = time.monotonic()
            ended = list(hands.map(lambda _: subprocess.run(once, capture_output=True, timeout=120).returncode, range(count)))
        return count / (time.monotonic() - started) if not any(ended) else None
    except (OSError, subprocess.SubprocessError):
        return None
    finally:
        shutil.rmtree(f"{scratch}/podman", ignore_errors=True)


def runs(program, work, environment, count, tasks):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(f"{work}/log", "w") as log:
        cluster = subprocess.Popen(
            [program, "local", "--port", str(port), "--work-dir", f"{work}/cluster", "--resources",
             "cpus:2;mem:8192", "--unenforced", "allow"], env=environment, stdout=log, stderr=log)
        try:
            await_health(port)
            idle = resident(cluster.pid)
            found = []
            for _ in range(count):
                before = processor_time(cluster.pid)
                row = Scheduler(port).run(tasks)
                row["cpu_ms"] = (processor_time(cluster.pid) - before) * 1000 / tasks
                row["memory_mb_idle"], row["memory_mb"] = idle, resident(cluster.pid)
                found.append(row)
            return found
        finally:
            cluster.terminate()
            cluster.wait()


def processor_time(pid):
    """Seconds, with what its children have had."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("VmRSS:"))


class Scheduler:
    """A framework in as few lines as it takes."""

    def __init__(self, port):
        info = {"user": "root", "name": "bench", "roles": ["*"], "capabilities": [{"type": "MULTI_ROLE"}]}
        self.calls = http.client.HTTPConnection("127.0.0.1", port)
        streaming = http.client.HTTPConnection("127.0.0.1", port)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}})
        streaming.request("POST", "/api/v1/scheduler", body, headers)
        self.events = streaming.getresponse()
        self.headers = {"Content-Type": "application/json", "Mesos-Stream-Id": self.events.getheader("Mesos-Stream-Id")}
        self.id = self.next("SUBSCRIBED")["framework_id"]

    def next(self, kind=None):
        """The next event, or the next of a kind and what it has."""
        while True:
            digits = b""
            while not digits.endswith(b"\n"):
                digits += self.events.read(1)
            event = json.loads(self.events.read(int(digits)))
            if kind is None:
                return event
            if event["type"] == kind:
                return event[kind.lower()]

    def call(self, kind, content=None):
        body = {"type": kind, "framework_id": self.id} | ({kind.lower(): content} if content else {})
        self.calls.request("POST", "/api/v1/scheduler", json.dumps(body), self.headers)
        answer = self.calls.getresponse()
        text = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"{kind}: {answer.status} {text}")

    def run(self, count):
        seconds = self.follow(count, "TASK_FINISHED")
        self.call("TEARDOWN")
        return {"tasks": count, "tasks_per_s": count / seconds}

    def keep_running(self, count):
        """Has so many tasks run that do not end by themselves."""
        self.follow(count, "TASK_RUNNING", ["sleep", "100000"])

    def follow(self, count, state, words=("true",)):
        """Launches so many tasks, and waits until each has been in `state`; the seconds since the first offer."""
        sent = reached = 0
        started = None
        while reached < count:
            event = self.next()
            if event["type"] == "OFFERS":
                started = started or time.monotonic()
                for offer in event["offers"]["offers"]:
                    number = min(AT_ONCE, count - sent, room(offer))
                    tasks = [task(offer, sent + index, words) for index in range(number)]
                    sent += number
                    self.call("ACCEPT", {
                        "offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0},
                        "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]})
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                if "uuid" in status:
                    self.call("ACKNOWLEDGE", {name: status[name] for name in ["agent_id", "task_id", "uuid"]})
                if status["state"] == state:
                    reached += 1
                elif status["state"] not in ["TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"]:
                    raise RuntimeError(f"a task did not get to {state}: {status}")
        return time.monotonic() - started


def room(offer):
    """How many tasks fit: what the first to finish gave back may be offered before the rest of it is."""
    def amount(name):
        return sum(each["scalar"]["value"] for each in offer["resources"] if each["name"] == name)
    return min(round(amount("cpus") * 1000) // round(CPUS * 1000), int(amount("mem")) // MEMORY)


def task(offer, number, words=("true",)):
    def part(name, value):
        return {"name": name, "type": "SCALAR", "scalar": {"value": value}}
    return {
        "name": "true", "task_id": {"value": f"t{number}"}, "agent_id": offer["agent_id"],
        "resources": [part("cpus", CPUS), part("mem", MEMORY)],
        "command": {"shell": False, "value": f"/bin/{words[0]}", "arguments": list(words)},
        "container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "busybox"}}}}}


def rows(found):
    head = ["run", "tasks", "tasks/s", "processor ms a task", "memory MB idle", "memory MB"]
    body = [
        [number + 1, row["tasks"], f'{row["tasks_per_s"]:.0f}', f'{row["cpu_ms"]:.1f}', row["memory_mb_idle"],
         row["memory_mb"]] for number, row in enumerate(found["runs"])]
    median = statistics.median(row["tasks_per_s"] for row in found["runs"])
    cost = statistics.median(row["cpu_ms"] for row in found["runs"])
    body.append(["median", "", f"{median:.0f}", f"{cost:.1f}", "", ""])
    if "podman_per_s" in found:
        body.append(["podman run, eight at once", "", f'{found["podman_per_s"]:.0f}', "", "", ""])
    return head, body
