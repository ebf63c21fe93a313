"""Other images of the same bytes: packed with zstd, cut into many small files, or all in one file."""
import hashlib
import io
import json
import os
import subprocess
import tarfile

SMALL_FILE = 5_000
IN_A_DIRECTORY = 50
PACKERS = {"gzip": ["gzip", "-6", "-n"], "zstd": ["zstd", "-q", "-3"]}


def small_files(plain, into):
    """The bytes of `plain` as files of 5,000 bytes, 50 in a directory."""
    with open(plain, "rb") as source, tarfile.open(into, "w") as archive:
        number = 0
        while piece := source.read(SMALL_FILE):
            if number % IN_A_DIRECTORY == 0:
                directory = tarfile.TarInfo(f"d{number // IN_A_DIRECTORY}")
                directory.type, directory.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(directory)
            entry = tarfile.TarInfo(f"d{number // IN_A_DIRECTORY}/f{number}")
            entry.size = len(piece)
            archive.addfile(entry, io.BytesIO(piece))
            number += 1
    return into


def without_devices(plain, into):
    """Everything of `plain` but its device nodes, which not every machine lets skopeo make."""
    with tarfile.open(plain) as source, tarfile.open(into, "w") as archive:
        for entry in source:
            if not entry.isdev() or entry.isfifo():
                archive.addfile(entry, source.extractfile(entry) if entry.isreg() else None)
    return into


def one_file(plain, into):
    with tarfile.open(into, "w") as archive:
        archive.add(plain, "file")
    return into


def packed(plain, packing, into):
    """An oci-archive whose layers are the archives `plain`, packed."""
    members, layers, content = [], [], []

    def add(text):
        digest = hashlib.sha256(text).hexdigest()
        members.append((f"blobs/sha256/{digest}", text))
        return {"digest": f"sha256:{digest}", "size": len(text)}

    for layer in plain:
        with open(layer, "rb") as file:
            content.append("sha256:" + hashlib.file_digest(file, "sha256").hexdigest())
        with open(layer, "rb") as file:
            text = subprocess.run(PACKERS[packing], stdin=file, stdout=subprocess.PIPE, check=True).stdout
        layers.append({"mediaType": f"application/vnd.oci.image.layer.v1.tar+{packing}", **add(text)})
    configuration = add(json.dumps({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": content}}).encode())
    manifest = add(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": layers,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **configuration}}).encode())
    index = {"schemaVersion": 2, "manifests": [{
        "mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
        "annotations": {"org.opencontainers.image.ref.name": "latest"}}]}
    members[:0] = [
        ("oci-layout", b'{"imageLayoutVersion":"1.0.0"}'), ("index.json", json.dumps(index).encode())]
    with tarfile.open(into, "w") as archive:
        for name, text in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return into


def images(plain, below):
    """What is in each image, and its archive; made from the layers `plain`, as far as this machine has the packers."""
    os.makedirs(below)
    largest = max(plain, key=os.path.getsize)
    small = small_files(largest, f"{below}/small.tar")
    same = without_devices(largest, f"{below}/same.tar")
    yield "the largest layer, gzip", packed([same], "gzip", f"{below}/same-gzip.oci.tar")
    yield "the largest layer, zstd", packed([same], "zstd", f"{below}/same-zstd.oci.tar")
    yield "small files, gzip", packed([small], "gzip", f"{below}/small-gzip.oci.tar")
    yield "small files, zstd", packed([small], "zstd", f"{below}/small-zstd.oci.tar")
    large = one_file(largest, f"{below}/large.tar")
    yield "one file, gzip", packed([large], "gzip", f"{below}/large-gzip.oci.tar")
    yield "one file, zstd", packed([large], "zstd", f"{below}/large-zstd.oci.tar")
