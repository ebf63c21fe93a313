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
        self.plain = [self.expand(layer, f"{self.scratch}/{index}.tar") for index, layer in enumerate(self.layers)]
        self.expanded = sum(os.path.getsize(layer) for layer in self.plain)

    def blob(self, digest):
        return f"{self.layout}/blobs/" + digest.replace(":", "/")

    @staticmethod
    def expand(layer, into):
        with open(into, "wb") as file:
            subprocess.run(["gzip", "-dc", layer], stdout=file, check=True)
        return into

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

        def plain(place):
            script = 'cd "$0" && for layer in "$@"; do tar -xf "$layer"; done'
            return ["sh", "-c", script, place, *self.plain], None

        def floor(place):
            return [self.programs["unpackfloor"], place, *self.layers], None

        found = {"bulkhead image import": bulkhead, "the same, --snapshotter erofs": as_images}
        if "unpackfloor" in self.programs:
            found = {"floor": floor, **found}
        if shutil.which("umoci"):
            found["umoci unpack"] = umoci
        found["tar -xzf"] = tar
        found["tar -xf, inflated before: the files alone"] = plain
        return found

    def once(self, make, place, processors):
        os.makedirs(place)
        command, environment = make(place)
        machine.synchronise()
        pinned = ["taskset", "--cpu-list", processors] if processors else []
        return self.stopwatch.run(pinned + command, environment)

    def measure(self, below, runs, deadline, processors=None):
        """Medians of what each tool costs in a directory below `below`, which says on which file system; on these
        `processors` only, if any are named. What they wrote is removed at the end: for a minute after an inode is freed
        ext4 looks at it before it makes a new file, and no tool should pay for another's removal."""
        costs = {name: [] for name in self.rows()}
        broken = {}
        for number in range(runs):
            if number and deadline():
                break
            names = [name for name in costs if name not in broken]
            random.shuffle(names)
            for place, name in enumerate(names):
                try:
                    costs[name].append(self.once(self.rows()[name], f"{below}/unpacked/{number}-{place}", processors))
                except (Broken, OSError, subprocess.SubprocessError) as problem:
                    broken[name] = str(problem)
        shutil.rmtree(f"{below}/unpacked")
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
