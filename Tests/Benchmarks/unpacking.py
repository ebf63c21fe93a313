"""Unpacking: an image archive into files, against other tools. Processor seconds count: the disk is not ours."""
import json
import os
import random
import shutil
import subprocess
import tarfile

import machine
from measuring import Broken


class Unpacking:
    """`archive` is an oci-archive with gzip layers."""

    def __init__(self, programs, scratch, stopwatch, archive):
        self.programs, self.scratch, self.stopwatch, self.archive = programs, f"{scratch}/unpack", stopwatch, archive
        self.layout = f"{self.scratch}/layout"
        os.makedirs(self.layout)
        with tarfile.open(archive) as file:
            file.extractall(self.layout)
        with open(f"{self.layout}/index.json") as file:
            index = json.load(file)["manifests"][0]
        self.reference = index["annotations"]["org.opencontainers.image.ref.name"]
        with open(self.blob(index["digest"])) as file:
            self.layers = [self.blob(layer["digest"]) for layer in json.load(file)["layers"]]
        self.compressed = sum(os.path.getsize(layer) for layer in self.layers)
        self.expanded = sum(self.expanded_size(layer) for layer in self.layers)

    def blob(self, digest):
        return f"{self.layout}/blobs/" + digest.replace(":", "/")

    @staticmethod
    def expanded_size(layer):
        with subprocess.Popen(["gzip", "-dc", layer], stdout=subprocess.PIPE) as process:
            size = 0
            while chunk := process.stdout.read(1 << 20):
                size += len(chunk)
        return size

    def rows(self):
        environment = dict(
            os.environ, BULKHEAD_LAUNCHER=self.programs["launcher"], BULKHEAD_UNPACK=self.programs["unpacker"])

        def bulkhead(place):
            return [self.programs["bulkhead"], "image", "import", "--store", f"{place}/store", "--state", f"{place}/run",
                    "--name", "image", self.archive], environment

        def as_images(place):
            command, variables = bulkhead(place)
            return [*command, "--snapshotter", "erofs"], variables

        def umoci(place):
            return ["umoci", "unpack", "--image", f"{self.layout}:{self.reference}", f"{place}/bundle"], None

        def tar(place):
            script = 'cd "$0" && for layer in "$@"; do tar -xzf "$layer"; done'
            return ["sh", "-c", script, place, *self.layers], None

        found = {"bulkhead image import": bulkhead, "the same, --snapshotter erofs": as_images}
        if shutil.which("umoci"):
            found["umoci unpack"] = umoci
        found["tar -xzf"] = tar
        return found

    def once(self, make, below):
        place = f"{below}/unpacked"
        os.makedirs(place)
        command, environment = make(place)
        machine.synchronise()
        try:
            return self.stopwatch.run(command, environment)
        finally:
            shutil.rmtree(place)

    def measure(self, below, runs, deadline):
        """Medians of what each tool costs in a directory below `below`, which says on which file system."""
        costs = {name: [] for name in self.rows()}
        broken = {}
        for _ in range(runs):
            names = [name for name in costs if name not in broken]
            random.shuffle(names)
            for name in names:
                try:
                    costs[name].append(self.once(self.rows()[name], below))
                except (Broken, OSError, subprocess.SubprocessError) as problem:
                    broken[name] = str(problem)
            if deadline():
                break
        return {name: {"broken": broken[name]} if name in broken else self.summary(found) for name, found in costs.items()}

    def summary(self, costs):
        processor = sorted(cost["user"] + cost["system"] for cost in costs)
        wall = sorted(cost["microseconds"] / 1e6 for cost in costs)
        middle = len(costs) // 2
        return {
            "runs": len(costs), "processor": round(processor[middle], 3), "wall": round(wall[middle], 3),
            "MB per processor second": round(self.expanded / 1e6 / max(processor[middle], 1e-3), 1),
            "resident MiB": round(max(cost["resident"] for cost in costs) / 1024, 1),
        }
