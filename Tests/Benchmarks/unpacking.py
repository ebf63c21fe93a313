"""Unpacking: an image archive into files, against other tools. Processor seconds count: the disk is not ours."""
import json
import os
import random
import shutil
import subprocess
import tarfile

import machine
import repacking
from measuring import Broken

OWN, AS_IMAGES, UMOCI, SKOPEO = "bulkhead image import", "the same, --snapshotter erofs", "umoci unpack", "skopeo copy"


class Unpacking:
    """`archive` is an oci-archive with layers of gzip or of zstd."""

    def __init__(self, programs, scratch, stopwatch, archive, name="unpack"):
        self.programs, self.scratch, self.stopwatch, self.archive = programs, f"{scratch}/{name}", stopwatch, archive
        self.layout = f"{self.scratch}/layout"
        os.makedirs(self.layout)
        with tarfile.open(archive) as file:
            file.extractall(self.layout)
        with open(f"{self.layout}/index.json") as file:
            index = json.load(file)["manifests"][0]
        self.reference = index["annotations"]["org.opencontainers.image.ref.name"]
        with open(self.blob(index["digest"])) as file:
            layers = json.load(file)["layers"]
        self.packing = "zstd" if layers[0]["mediaType"].endswith("zstd") else "gzip"
        self.layers = [self.blob(layer["digest"]) for layer in layers]
        self.compressed = sum(os.path.getsize(layer) for layer in self.layers)
        self.plain = [self.expand(layer, f"{self.scratch}/{index}.tar") for index, layer in enumerate(self.layers)]
        self.expanded = sum(os.path.getsize(layer) for layer in self.plain)

    def blob(self, digest):
        return f"{self.layout}/blobs/" + digest.replace(":", "/")

    def expand(self, layer, into):
        with open(layer, "rb") as packed, open(into, "wb") as file:
            subprocess.run([self.packing, "-dc"], stdin=packed, stdout=file, check=True)
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

        def skopeo(place):
            storage = f"containers-storage:[overlay@{place}/storage+{place}/run]image:latest"
            return ["skopeo", "--insecure-policy", "copy", "--quiet", f"oci-archive:{self.archive}", storage], None

        def tar(place):
            script = f'cd "$0" && for layer in "$@"; do tar --{self.packing} -xf "$layer"; done'
            return ["sh", "-c", script, place, *self.layers], None

        def plain(place):
            script = 'cd "$0" && for layer in "$@"; do tar -xf "$layer"; done'
            return ["sh", "-c", script, place, *self.plain], None

        def floor(place):
            return [self.programs["unpackfloor"], place, *self.layers], None

        found = {OWN: bulkhead, AS_IMAGES: as_images}
        if "unpackfloor" in self.programs and self.packing == "gzip":
            found = {"floor": floor, **found}
        # umoci reads no zstd.
        if shutil.which("umoci") and self.packing == "gzip":
            found[UMOCI] = umoci
        if shutil.which("skopeo"):
            found[SKOPEO] = skopeo
        found[f"tar --{self.packing} -xf"] = tar
        found["tar -xf, inflated before: the files alone"] = plain
        return found

    def once(self, make, place, processors):
        os.makedirs(place)
        command, environment = make(place)
        machine.synchronise()
        pinned = ["taskset", "--cpu-list", processors] if processors else []
        return self.stopwatch.run(pinned + command, environment)

    def measure(self, below, runs, deadline, processors=None, only=None, in_memory=False):
        """Medians of what each tool costs in a directory below `below`, which says on which file system; on these
        `processors` only, if any are named. What they wrote to a disk is removed at the end: no tool should pay for another's
        removal (machine.mount_disk)."""
        costs = {name: [] for name in self.rows() if (name in only if only else name != SKOPEO)}
        broken = {}
        for number in range(runs):
            if number and deadline():
                break
            names = [name for name in costs if name not in broken]
            random.shuffle(names)
            for index, name in enumerate(names):
                place = f"{below}/unpacked/{number}-{index}"
                try:
                    costs[name].append(self.once(self.rows()[name], place, processors))
                except (Broken, OSError, subprocess.SubprocessError) as problem:
                    broken[name] = str(problem)
                # skopeo leaves its storage mounted upon itself.
                machine.unmount_below(place)
                if in_memory:
                    shutil.rmtree(place, ignore_errors=True)
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


def against_processors(unpacking, below, runs, deadline):
    """Wall time on 1, 2, 4 ... processors of this machine: what the import gains from more than one."""
    have = sorted(os.sched_getaffinity(0))
    counts = sorted({count for count in [1, 2, 4, 8, 16] if count < len(have)} | {len(have)})
    points = []
    for count in counts:
        used = ",".join(str(number) for number in have[:count])
        points.append({
            "processors": count,
            "rows": unpacking.measure(below, runs, deadline, processors=used, in_memory=True)})
    return points


def kinds(programs, scratch, stopwatch, plain, below, runs, deadline):
    """The same bytes as other layers: what an import costs when they are many small files, or one, or packed with zstd."""
    if not shutil.which("zstd"):
        return []
    found = []
    for number, (what, archive) in enumerate(repacking.images(plain, f"{scratch}/repacked")):
        each = Unpacking(programs, scratch, stopwatch, archive, name=f"kind{number}")
        rows = each.measure(below, runs, deadline, only=[OWN, AS_IMAGES, UMOCI, SKOPEO], in_memory=True)
        found.append({"what": what, "compressed": each.compressed, "expanded": each.expanded, "rows": rows})
    return found
