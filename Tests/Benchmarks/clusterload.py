"""A master under ten thousand simulated agents, a thousand frameworks and a hundred consumers that do not read."""
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.request

CLIENT = pathlib.Path(__file__).resolve().parent.parent / "ClusterTests/Clients/load"
SIZES = [(1000, 100, 10), (10000, 1000, 100)]  # agents, frameworks, slow consumers


def measure(program, quick):
    """One master for each size; its memory, its processor time and its end are part of the result."""
    return measure_sizes(program, SIZES[:1] if quick else SIZES, 10 if quick else 30)


def measure_sizes(program, sizes, seconds, extra=()):
    with tempfile.TemporaryDirectory(prefix="bulkhead-load.") as scratch:
        subprocess.run([CLIENT / "prepare", scratch], check=True)
        return [one(program, f"{scratch}/clusterload", f"{scratch}/{size[0]}", *size, seconds, extra) for size in sizes]


def one(program, load, work, agents, frameworks, slow, seconds, extra):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(f"{work}.log", "w") as log:
        master = subprocess.Popen([program, "master", "--port", str(port), "--work-dir", work], stderr=log)
        try:
            await_health(port)
            done = subprocess.run(
                [load, "-master", f"127.0.0.1:{port}", "-pid", str(master.pid), "-agents", str(agents),
                 "-frameworks", str(frameworks), "-slow", str(slow), "-seconds", str(seconds), *extra],
                check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout)
            with open(f"/proc/{master.pid}/stat") as file:
                used = file.read().rpartition(")")[2].split()
            found["cpu_s"] = (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")
            asked = time.monotonic()
            master.terminate()
            master.wait()
            found["end_s"] = time.monotonic() - asked
            return found
        finally:
            master.kill()
            master.wait()


def measure_alone(program, sizes, extra, processor=None):
    """One master for each size, and one thing that is done to it: `extra(size, port, work)` says which."""
    with tempfile.TemporaryDirectory(prefix="bulkhead-load.") as scratch:
        subprocess.run([CLIENT / "prepare", scratch], check=True)
        return [alone(program, f"{scratch}/clusterload", f"{scratch}/{size[0]}", size, extra, processor)
                for size in sizes]


def alone(program, load, work, size, extra, processor):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    on, off = [], []
    if processor is not None and os.cpu_count() > 1:
        on = ["taskset", "-c", str(processor)]
        off = ["taskset", "-c", ",".join(str(number) for number in range(os.cpu_count()) if number != processor)]
    with open(f"{work}.log", "w") as log:
        master = subprocess.Popen([*on, program, "master", "--port", str(port), "--work-dir", work], stderr=log)
        try:
            await_health(port)
            done = subprocess.run(
                [*off, load, "-master", f"127.0.0.1:{port}", "-pid", str(master.pid), "-agents", str(size[0]),
                 *extra(size, port, work)], check=True, stdout=subprocess.PIPE, stderr=log, text=True)
            return json.loads(done.stdout)
        finally:
            master.kill()
            master.wait()


def await_health(port):
    deadline = time.monotonic() + 30
    while True:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def rows(found):
    head = ["agents", "frameworks", "slow", "register s", "subscribe s", "tasks/s", "to running p50 ms", "p99",
            "call p50 ms", "p99", "memory MB", "peak MB", "cpu s", "end s", "lost", "refused"]
    return head, [
        [row["agents"], row["frameworks"], row["slow"], f'{row["agents_s"]:.1f}', f'{row["frameworks_s"]:.1f}',
         f'{row["tasks_per_s"]:.0f}', f'{row["launch_to_running"]["p50_ms"]:.0f}',
         f'{row["launch_to_running"]["p99_ms"]:.0f}', f'{row["calls"]["p50_ms"]:.1f}', f'{row["calls"]["p99_ms"]:.0f}',
         row["memory_mb_frameworks"], row["memory_mb_peak"], f'{row["cpu_s"]:.0f}', f'{row["end_s"]:.1f}',
         row["agents_lost"] + row["frameworks_lost"], row["refused_calls"]]
        for row in found]
