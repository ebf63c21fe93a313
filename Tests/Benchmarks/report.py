"""What was measured, as a table for a terminal, as JSON, as a picture and as the tables of Docs/Performance.md."""
import json
import re

OURS = "bulkhead, in process"
COMMAND = "bulkhead run --rm"


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


def crowd_rows(crowd):
    head = ["", "median ms, nothing runs", f"with {crowd['containers']} running", "ratio"]
    body = []
    for name, row in crowd["empty"].items():
        other = crowd["full"][name]
        if "median" in row and "median" in other:
            body.append([name, milliseconds(row["median"]), milliseconds(other["median"]),
                         ratio(other["median"], row["median"])])
        else:
            body.append([name, row.get("broken", "-"), other.get("broken", "-"), "-"])
    return head, body


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


def sections(found):
    """Title, sentence, head and rows of every part that was measured."""
    if "launch" in found:
        yield ("Launch: start to exit of `true`", "busybox, every wall of the default sandbox",
               *latency_rows(found["launch"], "crun run", "floor"))
    if "exec" in found:
        yield "Joining a running container: `true`, start to exit", "", *latency_rows(found["exec"], "crun exec")
    if "crowd" in found:
        yield "Launch in a crowd", "", *crowd_rows(found["crowd"])
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


def picture(found):
    """Bars of the launch medians, as SVG."""
    rows = [(name, row["median"] / 1000) for name, row in found.get("launch", {}).items() if "median" in row]
    rows.sort(key=lambda row: row[1])
    longest = max((value for _, value in rows), default=1.0)
    height = 46 + 30 * len(rows)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" font-family="sans-serif" font-size="13">',
        f'<rect width="720" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="24" font-size="15" fill="#222222">Launch: start to exit of true, median milliseconds</text>']
    for index, (name, value) in enumerate(rows):
        y = 42 + 30 * index
        colour = "#1f6f8b" if name.startswith("bulkhead") else "#b8bfc6"
        width = max(2, round(470 * value / longest))
        lines += [
            f'<text x="160" y="{y + 15}" text-anchor="end" fill="#222222">{name}</text>',
            f'<rect x="170" y="{y}" width="{width}" height="20" fill="{colour}"/>',
            f'<text x="{176 + width}" y="{y + 15}" fill="#222222">{value:.1f}</text>']
    return "\n".join(lines + ["</svg>"]) + "\n"


def write(found, folder):
    with open(f"{folder}/results.json", "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")
    if "launch" in found:
        with open(f"{folder}/launch.svg", "w") as file:
            file.write(picture(found))


def update_document(found, path):
    """Replaces what stands between the two marks; everything else of the page is written by hand."""
    page = path.read_text()
    begin, end = "<!-- measured -->", "<!-- /measured -->"
    fresh = f"{begin}\n\n{markdown(found)}\n\n{end}"
    page, count = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: fresh, page, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"{path} has no place for the tables: {begin} ... {end}")
    path.write_text(page)
