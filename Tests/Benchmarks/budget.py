"""The project's budget against what one run measured: ratios, sizes, and times that hang on the machine."""
import statistics

CRUN_THERE = 7_200  # microseconds of a `crun run` on the machine that the budget's times and rates were set on


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
    yield "launches, 16 in flight", "time of the floor", 1.3, over(
        median(together, "bulkhead, in process"), median(together, "floor"))
    points = found.get("crowd", [])
    for point in points:
        if point["containers"] == 1000:
            first, last = (median(each["rows"], "bulkhead, in process") for each in (points[0], point))
            yield "launch with 1,000 running", "launch with nothing running", 1.2, over(last, first)
            yield "launch with 1,000 running", "the floor with as many", 1.3, over(last, median(point["rows"], "floor"))
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
            yield f"import as EROFS, processor time, {label}", "floor", 1.4, over(images, floor)
            yield "import, resident MiB", None, 64, rows.get("bulkhead image import", {}).get("resident MiB")
    for kind in found.get("unpack", {}).get("kinds", []):
        own, umoci, skopeo = (kind["rows"].get(name, {}).get("processor") for name in [
            "bulkhead image import", "umoci unpack", "skopeo copy"])
        beside = ("umoci unpack", umoci) if umoci else ("skopeo copy", skopeo)
        yield f"import of {kind['what']}", beside[0], 0.3, over(own, beside[1])
    mount = median(found.get("mount", {}).get("rows", {}), "image of one file")
    yield "mount of an EROFS image, ms", None, 1, mount / 1000 if mount else None


def clustering(found):
    """What is measured by itself: seconds and sizes; `AtLeast` where more is better."""
    if "tasks" in found:
        own = statistics.median(row["tasks_per_s"] for row in found["tasks"]["runs"])
        yield "tasks a second on one agent", None, AtLeast(200), own
        podman = found["tasks"].get("podman_per_s")
        yield "tasks a second on one agent", "podman run, eight at once", AtLeast(5), over(own, podman)
    for row in found.get("restart", [])[-1:]:
        yield f"agent restarted beside {row['tasks']:,} tasks, s", None, 2, row["adopted_s"]
        yield "agent, idle, MB", None, 40, row["idle"][0]
        yield f"agent with {row['tasks']:,} containers, MB", None, 80, row["busy"][0]
        yield f"agent restarted beside {row['tasks']:,} tasks, MB", None, 80, row["adopted"][0]
    for row in found.get("failover", [])[-1:]:
        yield f"change of masters, {row['agents']:,} agents, s", None, 1.5, row["known_s"]
        yield "change of masters", "a plain Go reader of the same", 1.3, over(row["known_s"], row["reader_s"])
    for row in found.get("state", [])[-1:]:
        size = f"state of {row['agents'] * row['running']:,} tasks"
        yield f"{size}, s", None, 1, row["state"]["reads"]["p50_ms"] / 1000
        yield f"{size}, p99 of calls meanwhile, ms", None, 50, row["state"]["calls_meanwhile"]["p99_ms"]
    for row in found.get("events", [])[-1:]:
        yield "events a second of one processor", None, AtLeast(50_000), row["events_per_processor_s"]
    for agents, frameworks, first, change in [(10_000, 1000, 100, 1), (50_000, 200, 200, None)]:
        there = [row for row in found.get("allocation", []) if (row["agents"], row["frameworks"]) == (agents, frameworks)]
        size = f"{agents:,} agents, {frameworks:,} frameworks"
        if there:
            yield f"first allocation, {size}, ms", None, first, max(row["first_cycle_ms"] for row in there)
        if there and change:
            yield f"allocation after a change, {size}, ms", None, change, max(row["change_p50_ms"] for row in there)


class AtLeast(float):
    """A budget that is met by more."""


def is_of_machine(what, beside):
    """Whether it is a time or a rate with nothing of the same run beside it."""
    return beside is None and (what.endswith((", s", ", ms")) or " a second" in what)


def verdict(bound, measured, factor):
    """Whether it is met, and, where the machine counts, whether it would be on one as quick as the budget's."""
    least = isinstance(bound, AtLeast)
    is_met = lambda value: value >= bound if least else value <= bound
    if is_met(measured):
        return "met"
    return "met in proportion" if factor and is_met(measured * factor if least else measured / factor) else "not met"


def shown(value):
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"


def rows(found):
    """What, beside what, the budget, measured, and whether it is met: a row for everything that was measured. Times and rates
    are also said as they would be where crun takes CRUN_THERE: the budget's are of such a machine, and mean proportions."""
    head = ["", "beside", "budget", "measured", "in proportion", ""]
    body = []
    times_slower = over(median(found.get("launch", {}), "crun run"), CRUN_THERE)
    for part in [launching, joining, crowding, unpacking, clustering]:
        for what, beside, bound, measured in part(found):
            if measured is None:
                continue
            least = isinstance(bound, AtLeast)
            factor = times_slower if is_of_machine(what, beside) else None
            scaled = shown(measured * factor if least else measured / factor) if factor else ""
            named = f"{bound:,.0f}" if bound >= 1000 else f"{bound:.3g}"
            body.append([
                what, beside or "-", ("≥ " if least else "≤ ") + named, shown(measured), scaled,
                verdict(bound, measured, factor)])
    return head, body
