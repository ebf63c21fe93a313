"""Launching: start to exit of `true`, joining a running container, and what a running container costs."""
import json
import os
import pathlib
import shutil
import subprocess

import machine
import peers
from measuring import Broken, Stopwatch, interleaved

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class InProcess:
    """launch-benchmark: the runtime inside one process that goes on living, as in an agent."""

    def __init__(self, program, layer, scratch, launcher, prefix):
        self.arguments = prefix + [program, layer, f"{scratch}/store", f"{scratch}/run/state"]
        self.environment = dict(os.environ, BULKHEAD_LAUNCHER=launcher)
        # In a session of its own: the terminal's Ctrl-C ends the driver, which has this one remove its containers.
        self.process = subprocess.Popen(
            self.arguments, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)

    def order(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise Broken("launch-benchmark ended; what it complained is above")
        return json.loads(answer)

    def one(self, text):
        return self.order(text)["microseconds"][0]

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=120)


class CommandLine:
    """The bulkhead program, one process a call."""

    def __init__(self, programs, scratch, stopwatch):
        self.places = ["--store", f"{scratch}/store", "--state", f"{scratch}/run/state"]
        self.environment = dict(
            os.environ, BULKHEAD_LAUNCHER=programs["launcher"], BULKHEAD_UNPACK=programs["unpacker"])
        self.program = programs["bulkhead"]
        self.stopwatch = stopwatch

    def call(self, *words):
        done = subprocess.run(
            [self.program, *words], env=self.environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=300)
        if done.returncode:
            raise Broken((done.stderr.strip().splitlines() or ["it failed"])[0][:160])
        return done.stdout

    def timed(self, *words):
        return self.stopwatch.run([self.program, *words], self.environment)["microseconds"]

    def run(self):
        return self.timed("run", *self.places, "--rm", "busybox", "true")


def imported_layer(folder, scratch):
    """The one layer of images/busybox, imported by the programs in `folder` into `scratch`."""
    environment = dict(os.environ, BULKHEAD_UNPACK=f"{folder}/bulkhead-unpack")
    subprocess.run(
        [f"{folder}/bulkhead", "image", "import", "--quiet", "--store", f"{scratch}/store", "--state",
         f"{scratch}/run/state", str(ROOT / "images/out/busybox.tar")], check=True, env=environment,
        stdout=subprocess.DEVNULL)
    return str(next(pathlib.Path(f"{scratch}/store/layers").iterdir()) / "fs")


def floor_row(stopwatch, program, layer, scratch, *mode, count=3):
    """The floor in its own process; the time is the one it took itself: of the last launch of three, because the first
    ones of a process pay for its pages. "pooled": namespaces made ahead. "together" and how many: of `count`, at once."""
    place = f"{scratch}/floor-containers"
    os.makedirs(place, exist_ok=True)

    def once():
        done = subprocess.run(
            stopwatch.prefix + [program, layer, place, str(count), *mode], capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise Broken((done.stderr.strip().splitlines() or ["it failed"])[0])
        return float(done.stdout.split()[-1])

    return once


def podman_row(stopwatch, scratch, archive):
    """podman, where it works."""
    try:
        command = peers.podman_command(f"{scratch}/podman", f"{scratch}/run/podman", archive)
    except (OSError, subprocess.SubprocessError):
        return None
    return lambda: stopwatch.run(command)["microseconds"]


def docker_row(stopwatch, archive):
    """docker, where an engine answers: a container without a network, as the others have."""
    if not shutil.which("docker"):
        return None
    try:
        subprocess.run(["docker", "load", "--input", archive], check=True, capture_output=True, timeout=60)
        command = ["docker", "run", "--rm", "--network=none", "--pull=never", "busybox:latest", "/bin/true"]
        stopwatch.run(command)
    except (Broken, OSError, subprocess.SubprocessError):
        return None
    return lambda: stopwatch.run(command)["microseconds"]


class Launching:
    """Everything about launches, over one scratch directory."""

    def __init__(self, programs, scratch, stopwatch, images):
        self.programs, self.scratch, self.stopwatch, self.images = programs, scratch, stopwatch, images
        self.line = CommandLine(programs, scratch, stopwatch)
        self.line.call("image", "import", *self.line.places, f"{images}/busybox.tar", "--name", "busybox")
        self.layer = self.layer_directory()
        peers.make_bundles(self.layer, scratch)
        self.agent = InProcess(
            programs["launch-benchmark"], self.layer, scratch, programs["launcher"], stopwatch.prefix)
        os.environ["BULKHEAD_LAUNCHER"] = programs["launcher"]  # bulkhead-oci looks there first
        others = dict(word.split("=", 1) for word in os.environ.get("BULKHEAD_BENCH_RUNTIMES", "").split())
        named = {"bulkhead-oci": programs["bulkhead-oci"], "crun": "crun", "runc": "runc", **others}
        self.runtimes = [
            runtime for name, path in named.items() if (runtime := peers.Runtime(name, scratch, path)).is_there]

    def layer_directory(self):
        layers = f"{self.scratch}/store/layers"
        return next(f"{layers}/{name}/fs" for name in sorted(os.listdir(layers)))

    def launches(self, runs, seconds, with_podman):
        rows = {
            "floor": floor_row(self.stopwatch, self.programs["floor"], self.layer, self.scratch),
            "floor, namespaces ahead": floor_row(
                self.stopwatch, self.programs["floor"], self.layer, self.scratch, "pooled"),
            "bulkhead, in process": lambda: self.agent.one("launch 1"),
            "bulkhead, in process, namespaces ahead": lambda: self.agent.one("warm 1"),
            "bulkhead run --rm": self.line.run,
        }
        for runtime in self.runtimes:
            rows[f"{runtime.name} run"] = lambda runtime=runtime: runtime.run(self.stopwatch)
        found = interleaved(rows, runs, seconds)
        # podman spins in user space while it waits; with a real-time priority it would stop the machine.
        patient = Stopwatch(self.stopwatch.program, realtime=False)
        podman = podman_row(patient, self.scratch, f"{self.images}/busybox.tar") if with_podman else None
        if podman:
            found |= interleaved({"podman run --rm": podman}, 10, seconds / 4, warmup=1)
        docker = docker_row(patient, f"{self.images}/busybox.tar") if with_podman else None
        if docker:
            found |= interleaved({"docker run --rm": docker}, 10, seconds / 4, warmup=1)
        return found

    def together(self, count, hands, rounds, seconds):
        """Launches a second, so many in flight; each round is `count` of them for each row."""
        rows = {
            "floor": floor_row(
                self.stopwatch, self.programs["floor"], self.layer, self.scratch, "together", str(hands), count=count),
            "bulkhead, in process": lambda: self.agent.one(f"together {count} {hands}"),
            "bulkhead, in process, namespaces ahead": lambda: self.agent.one(f"pooled {count} {hands}"),
        }
        for runtime in self.runtimes:
            rows[f"{runtime.name} run"] = lambda runtime=runtime: runtime.together(self.stopwatch, count, hands)
        found = interleaved(rows, rounds, seconds, warmup=1)
        return {"count": count, "hands": hands, "rows": found}

    def joins(self, runs, seconds):
        self.agent.order("start 1")
        self.line.call("run", *self.line.places, "--detach", "--name", "kept", "busybox", "sleep", "86400")
        rows = {
            "bulkhead, in process": lambda: self.agent.one("exec 1"),
            "bulkhead exec": lambda: self.line.timed("exec", *self.line.places, "kept", "true"),
        }
        started = []
        try:
            for runtime in self.runtimes:
                runtime.start()
                started.append(runtime)
                rows[f"{runtime.name} exec"] = lambda runtime=runtime: runtime.exec(self.stopwatch)
            return interleaved(rows, runs, seconds)
        finally:
            self.agent.order("stop")
            self.line.call("rm", *self.line.places, "--force", "kept")
            for runtime in started:
                runtime.stop()

    def memory(self, containers):
        """KiB of our init, on average, while that many containers run."""
        processes = self.agent.order(f"start {containers}")["processes"]
        shares = [machine.memory_share(process) for process in processes]
        self.agent.order("stop")
        return {"containers": containers, "KiB": round(sum(shares) / len(shares), 1), "most": max(shares)}

    def crowd(self, sizes, runs, seconds):
        """The same launch while nothing and while more and more containers run, the floor's, in process and by command: a
        point for each size, with what one more container holds of the machine's memory, its own task's included."""
        rows = {
            "floor": floor_row(self.stopwatch, self.programs["floor"], self.layer, self.scratch),
            "bulkhead, in process": lambda: self.agent.one("launch 1"), "bulkhead run --rm": self.line.run}
        for runtime in self.runtimes:
            rows[f"{runtime.name} run"] = lambda runtime=runtime: runtime.run(self.stopwatch)
        points, running = [], 0
        before = machine.available_memory()
        for size in [0, *sizes]:
            if machine.available_memory() < (size - running) * 1.5:
                break  # MiB: a container holds less than one, and the machine is not ours alone
            if size > running:
                self.agent.order(f"start {size - running}")
                running = size
            machine.synchronise()  # that many were made is not what is measured, but that they are there
            point = {"containers": running, "rows": interleaved(rows, runs, seconds)}
            if running:
                point["KiB a container"] = round((before - machine.available_memory()) * 1024 / running)
            points.append(point)
        self.agent.order("stop")
        return points

    def end(self):
        self.agent.end()
