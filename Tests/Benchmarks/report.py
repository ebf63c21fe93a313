"""What was measured, as a table for a terminal, as JSON, as a picture and as the tables of Docs/Performance.md."""
import json
import re

import budget
import picture
import unpacking


def table(head, rows):
    """Columns as wide as they must be; the first to the left, numbers to the right."""
    widths = [max(len(str(row[i])) for row in [head] + rows) for i in range(len(head))]
    shown = []
    for row in [head] + rows:
        cells = [str(row[0]).ljust(widths[0])] + [str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:])]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


def milliseconds(microseconds):
    return f"{microseconds / 1000:.2f}"


def ratio(value, base):
    return f"{value / base:.2f}" if base else "-"


def latency_rows(rows, *bases):
    """Name, median, p10, p90 in milliseconds, runs, and the ratio to each of `bases` that was measured."""
    given = [base for base in bases if "median" in rows.get(base, {})]
    head = ["", "median ms", "p10", "p90", "runs"] + [f"x {base}" for base in given]
    body = []
    for name, row in rows.items():
        if "broken" in row:
            body.append([name, "-", "-", "-", "0"] + ["-"] * len(given) + [row["broken"]])
            continue
        body.append(
            [name, milliseconds(row["median"]), milliseconds(row["p10"]), milliseconds(row["p90"]), row["runs"]]
            + [ratio(row["median"], rows[base]["median"]) for base in given])
    width = max(len(row) for row in [head] + body)
    return head + [""] * (width - len(head)), [row + [""] * (width - len(row)) for row in body]


def together_rows(together):
    head = ["", "launches a second", "ms for all", "runs", "x crun run"]
    rows, body = together["rows"], []
    base = rows.get("crun run", {}).get("median")
    for name, row in rows.items():
        if "broken" in row:
            body.append([name, row["broken"], "-", "0", "-"])
            continue
        each = together["count"] / row["median"] * 1e6
        body.append([name, f"{each:.0f}", f"{row['median'] / 1000:.0f}", row["runs"],
                     ratio(base, row["median"]) if base else "-"])
    return head, body


def crowd_rows(points):
    head = ["median ms"] + [f"{point['containers']} running" for point in points] + ["last to first"]
    body = []
    for name in points[0]["rows"]:
        medians = [point["rows"].get(name, {}).get("median") for point in points]
        body.append(
            [name] + [milliseconds(value) if value else "-" for value in medians]
            + [ratio(medians[-1], medians[0]) if medians[0] and medians[-1] else "-"])
    memory = [str(point.get("KiB a container", "-")) for point in points]
    return head, body + [["KiB of the machine's memory, a container", *memory, "-"]]


def unpack_rows(rows):
    base = rows.get("umoci unpack", {}).get("processor")
    head = ["", "processor s", "x umoci", "wall s", "MB per processor s", "resident MiB", "runs"]
    body = []
    for name, row in rows.items():
        if "broken" in row:
            body.append([name, row["broken"], "-", "-", "-", "-", "0"])
        else:
            body.append([name, row["processor"], ratio(row["processor"], base), row["wall"],
                         row["MB per processor second"], row["resident MiB"], row["runs"]])
    return head, body


def processors_rows(points):
    """Wall time by processors, and what the last point has of the first's."""
    head = ["wall s"] + [f"{point['processors']} processor{'s' * (point['processors'] > 1)}" for point in points]
    body = []
    for name in points[0]["rows"]:
        walls = [point["rows"].get(name, {}).get("wall") for point in points]
        body.append([name] + [wall if wall else "-" for wall in walls]
                    + [ratio(walls[-1], walls[0]) if walls[0] and walls[-1] else "-"])
    return head + ["last to first"], body


def kinds_rows(kinds):
    """Processor time of each tool by what the layers are, and ours beside theirs."""
    head = ["processor s", "MB, packed", "import", "as EROFS", "umoci", "skopeo", "x umoci", "x skopeo", "EROFS x skopeo"]
    body = []
    for kind in kinds:
        own, images, umoci, skopeo = (kind["rows"].get(name, {}).get("processor") for name in [
            unpacking.OWN, unpacking.AS_IMAGES, unpacking.UMOCI, unpacking.SKOPEO])
        beside = lambda value, base: ratio(value, base) if value and base else "-"
        body.append([
            kind["what"], f"{kind['expanded'] / 1e6:.0f}, {kind['compressed'] / 1e6:.0f}", own or "-", images or "-",
            umoci or "-", skopeo or "-", beside(own, umoci), beside(own, skopeo), beside(images, skopeo)])
    return head, body


def sections(found):
    """Title, sentence, head and rows of every part that was measured."""
    if "launch" in found:
        yield ("Launch: start to exit of `true`", "busybox, every wall of the default sandbox",
               *latency_rows(found["launch"], "crun run", "floor"))
    if "together" in found:
        together = found["together"]
        yield (f"Launches a second, {together['hands']} in flight", f"{together['count']} containers that run `true`",
               *together_rows(together))
    if "exec" in found:
        yield "Joining a running container: `true`, start to exit", "", *latency_rows(found["exec"], "crun exec")
    if "crowd" in found:
        yield ("Launch in a crowd", "the same launches while other containers sleep; memory is what the machine has less, "
               "the sleeping tasks and the kernel's part included", *crowd_rows(found["crowd"]))
    if "memory" in found:
        memory = found["memory"]
        yield ("Memory beside the task", "proportional set size of init, which stays with each container",
               ["", "KiB a container", "most", "containers"], [["init", memory["KiB"], memory["most"], memory["containers"]]])
    if "unpack" in found:
        unpack = found["unpack"]
        title = f"Unpacking {unpack['expanded'] / 1e6:.0f} MB of layers from {unpack['compressed'] / 1e6:.0f} MB of gzip"
        yield (f"{title}, onto the disk", "medians; import also checks both digests of every layer and syncs it",
               *unpack_rows(unpack["disk"]))
        yield f"{title}, into memory", "without the disk and its file system's own cost", *unpack_rows(unpack["memory"])
        if "processors" in unpack:
            yield (f"{title}, into memory, by processors", "the same, held to so many",
                   *processors_rows(unpack["processors"]))
        if unpack.get("kinds"):
            yield ("The same bytes as other layers, into memory", "25,000 files of 5,000 bytes, or one file, by gzip -6 or "
                   "zstd -3; umoci reads no zstd", *kinds_rows(unpack["kinds"]))
    if "mount" in found:
        yield (f"Mounting an image of {found['mount']['MB']} MB that is one EROFS file", "",
               *latency_rows(found["mount"]["rows"], "tmpfs"))
    head, body = budget.rows(found)
    if body:
        yield "Against the budget, measured", "ratios of medians of this run, but where a size is named", head, body


def setting(found):
    facts = found["machine"]
    versions = ", ".join(text for text in found["versions"].values() if text)
    how = "real-time priority" if found.get("realtime") else "ordinary priority"
    return (f"Linux {facts['kernel']}, {facts['processors']} processors ({facts['model']}), load {facts['load']} at the "
            f"beginning, {how}. {versions}.")


def text(found):
    parts = [setting(found)]
    for title, note, head, rows in sections(found):
        parts.append(f"== {title}" + (f" ({note})" if note else "") + "\n" + table(head, rows))
    return "\n\n".join(part.replace("`", "") for part in parts) + f"\n\n{found['seconds']} s in all"


def markdown(found):
    parts = [setting(found)]
    for title, note, head, rows in sections(found):
        used = [i for i in range(len(head)) if head[i] or any(row[i] for row in rows)]
        line = lambda cells: "| " + " | ".join(str(cells[i]) for i in used) + " |"
        parts.append(f"### {title}" + (f"\n\n{note[0].upper()}{note[1:]}." if note else "") + "\n\n" + "\n".join(
            [line(head), "|" + "|".join([" --- "] + [" ---: "] * (len(used) - 1)) + "|"] + [line(row) for row in rows]))
    return "\n\n".join(parts)


def write(found, folder):
    with open(f"{folder}/results.json", "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")
    with open(f"{folder}/results.svg", "w") as file:
        file.write(picture.drawn(found))


def update_document(found, path):
    """Replaces what stands between the two marks; everything else of the page is written by hand."""
    replace(path, "measured", markdown(found))


def update_table(name, facts, head, rows, path):
    """The same for a part that is measured by itself: its table, and when."""
    about = (f"`--only {name}`: Linux {facts['kernel']}, {facts['processors']} processors ({facts['model']}), "
             f"load {facts['load']} at the end.")
    lines = [f"| {' | '.join(str(cell) for cell in row)} |" for row in [head, ["---:"] * len(head), *rows]]
    replace(path, f"measured {name}", "\n".join([about, "", *lines]))


def replace(path, mark, text):
    page = path.read_text()
    begin, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
    fresh = f"{begin}\n\n{text}\n\n{end}"
    page, count = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: fresh, page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{path} has no place for the tables: {begin} ... {end}")
    path.write_text(page)
