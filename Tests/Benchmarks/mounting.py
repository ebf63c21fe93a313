"""Mounting an image that is one EROFS file, beside the mount of an empty tmpfs: what any mount costs here."""
import ctypes
import glob
import os
import subprocess
import time

from measuring import Broken, interleaved

LIBRARY = ctypes.CDLL(None, use_errno=True)
READ_ONLY, DETACH = 1, 2


def called(name, *arguments):
    if getattr(LIBRARY, name)(*arguments):
        raise Broken(f"{name}: {os.strerror(ctypes.get_errno())}")


def mounted(kind, source, place, flags):
    """Microseconds of one mount(2); the unmount is not in them."""
    before = time.perf_counter()
    called("mount", source.encode(), place.encode(), kind.encode(), flags, None)
    after = time.perf_counter()
    called("umount2", place.encode(), DETACH)
    return (after - before) * 1e6


def measure(programs, scratch, archive, runs):
    store, place = f"{scratch}/images", f"{scratch}/mounted"
    os.makedirs(place)
    environment = dict(os.environ, BULKHEAD_LAUNCHER=programs["launcher"], BULKHEAD_UNPACK=programs["unpacker"])
    subprocess.run(
        [programs["bulkhead"], "image", "import", "--store", store, "--state", f"{scratch}/run/images", "--name", "image",
         "--snapshotter", "erofs", archive], env=environment, check=True, capture_output=True, timeout=300)
    file = max(glob.glob(f"{store}/layers/*/fs.erofs"), key=os.path.getsize)
    rows = {
        "image of one file": lambda: mounted("erofs", file, place, READ_ONLY),
        "tmpfs": lambda: mounted("tmpfs", "tmpfs", place, 0),
    }
    return {"MB": round(os.path.getsize(file) / 1e6), "rows": interleaved(rows, runs, 20)}
