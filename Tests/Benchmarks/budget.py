"""The project's budget against what one run measured: all of it ratios, or sizes that do not depend on the machine."""


def median(rows, name):
    return rows.get(name, {}).get("median")


def over(value, base):
    return value / base if value and base else None


def launching(found):
    rows = found.get("launch", {})
    crun, floor = median(rows, "crun run"), median(rows, "floor")
    static = median(rows, "crun-static run") or crun
    named = "crun-static" if "crun-static run" in rows else "crun"
    process = median(rows, "bulkhead, in process")
    yield "launch in process", "crun run", 0.35, over(process, crun)
    yield "launch in process", "floor", 1.3, over(process, floor)
    ahead = median(rows, "bulkhead, in process, namespaces ahead")
    yield "launch in process, namespaces ahead", "crun run", 0.2, over(ahead, crun)
    yield "launch in process, namespaces ahead", "the same floor", 1.3, over(
        ahead, median(rows, "floor, namespaces ahead"))
    yield "bulkhead-oci run", f"{named} run", 0.8, over(median(rows, "bulkhead-oci run"), static)
    whole = median(rows, "bulkhead run --rm")
    yield "bulkhead run --rm, the whole program", "crun run", 2, over(whole, crun)
    yield "bulkhead run --rm, the whole program", "podman run --rm", 0.2, over(whole, median(rows, "podman run --rm"))


def joining(found):
    rows = found.get("exec", {})
    crun = median(rows, "crun exec")
    yield "join in process", "crun exec", 0.5, over(median(rows, "bulkhead, in process"), crun)
    yield "bulkhead-oci exec", "crun exec", 0.5, over(median(rows, "bulkhead-oci exec"), crun)


def crowding(found):
    together = found.get("together", {}).get("rows", {})
    # Microseconds for as many launches: three times the launches are a third of the time.
    yield "launches a second, 16 in flight", "time of crun run", 1 / 3, over(
        median(together, "bulkhead, in process"), median(together, "crun run"))
    points = found.get("crowd", [])
    if len(points) > 1:
        first, last = (median(points[i]["rows"], "bulkhead, in process") for i in (0, -1))
        yield f"launch with {points[-1]['containers']} running", "launch with nothing running", 1.2, over(last, first)
    if "memory" in found:
        yield "memory beside a task, KiB", None, 153.6, found["memory"]["KiB"]


def unpacking(found):
    for kind, label in [("disk", "onto the disk"), ("memory", "into memory")]:
        rows = found.get("unpack", {}).get(kind, {})
        umoci = rows.get("umoci unpack", {}).get("processor")
        own, floor = (rows.get(name, {}).get("processor") for name in ["bulkhead image import", "floor"])
        yield f"import and unpack, processor time, {label}", "umoci unpack", 0.3, over(own, umoci)
        yield f"import and unpack, processor time, {label}", "floor", 1.4, over(own, floor)
        if kind == "disk":
            images = rows.get("the same, --snapshotter erofs", {}).get("processor")
            yield f"import as EROFS, processor time, {label}", "umoci unpack", 0.3, over(images, umoci)
            yield "import, resident MiB", None, 64, rows.get("bulkhead image import", {}).get("resident MiB")
    for kind in found.get("unpack", {}).get("kinds", []):
        own, umoci, skopeo = (kind["rows"].get(name, {}).get("processor") for name in [
            "bulkhead image import", "umoci unpack", "skopeo copy"])
        beside = ("umoci unpack", umoci) if umoci else ("skopeo copy", skopeo)
        yield f"import of {kind['what']}", beside[0], 0.3, over(own, beside[1])
    mount = median(found.get("mount", {}).get("rows", {}), "image of one file")
    yield "mount of an EROFS image, ms", None, 1, mount / 1000 if mount else None


def rows(found):
    """What, beside what, at most, measured, and whether it is met: a row for everything that was measured."""
    head = ["", "beside", "at most", "measured", ""]
    body = []
    for part in [launching, joining, crowding, unpacking]:
        for what, beside, most, measured in part(found):
            if measured is not None:
                body.append([what, beside or "-", f"{most:.3g}", f"{measured:.2f}", "met" if measured <= most else "not met"])
    return head, body
