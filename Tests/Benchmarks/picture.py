"""The medians as one picture: bars for launches and joins, lines for launches in a crowd and imports by processors."""

WIDTH, OURS, THEIRS, INK, FAINT = 760, "#1f6f8b", "#b8bfc6", "#222222", "#d9dde1"
LINES = ["#1f6f8b", "#d1792b", "#5a8f3c", "#8a5a9e", "#777777", "#b03a3a"]


def words(x, y, text, size=13, anchor="start", colour=INK):
    return f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def bars(title, rows, top):
    """Medians in milliseconds, the shortest first."""
    found = sorted(
        ((name, row["median"] / 1000, row["p10"] / 1000, row["p90"] / 1000) for name, row in rows.items() if "median" in row),
        key=lambda row: row[1])
    longest = max((row[1] for row in found), default=1)
    lines = [words(12, top + 20, title, 15)]
    for index, (name, value, low, high) in enumerate(found):
        y = top + 34 + 28 * index
        scale = lambda number: 190 + round(440 * min(number, longest * 1.1) / longest)
        colour = OURS if name.startswith("bulkhead") else THEIRS
        lines += [
            words(182, y + 15, name, anchor="end"),
            f'<rect x="190" y="{y}" width="{max(2, scale(value) - 190)}" height="20" fill="{colour}"/>',
            f'<line x1="{scale(low)}" x2="{scale(high)}" y1="{y + 10}" y2="{y + 10}" stroke="{INK}"/>',
            words(max(scale(value), scale(high)) + 8, y + 15, f"{value:.1f}")]
    return lines, top + 44 + 28 * len(found)


def curves(title, points, top):
    """Medians in milliseconds at points with a label each; the distance between points says nothing."""
    names = [name for name in points[0]["rows"] if all("median" in point["rows"].get(name, {}) for point in points)]
    most = max(point["rows"][name]["median"] for point in points for name in names) / 1000
    left, right, bottom = 60, 520, top + 240
    x = lambda index: left + (right - left) * index / max(1, len(points) - 1)
    y = lambda value: bottom - 190 * value / most
    lines = [words(12, top + 20, title, 15)]
    for step in range(5):
        value = most * step / 4
        lines += [
            f'<line x1="{left}" x2="{right}" y1="{y(value):.0f}" y2="{y(value):.0f}" stroke="{FAINT}"/>',
            words(left - 8, round(y(value)) + 4, f"{value:.0f}", 12, "end")]
    for index, point in enumerate(points):
        lines.append(words(round(x(index)), bottom + 18, point["label"], 12, "middle"))
    labels = []
    for number, name in enumerate(names):
        colour = LINES[number % len(LINES)]
        values = [point["rows"][name]["median"] / 1000 for point in points]
        path = " ".join(f"{x(index):.0f},{y(value):.0f}" for index, value in enumerate(values))
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        labels.append([y(values[-1]), f"{name} {values[-1]:.1f}", colour])
    # Labels that would lie on each other move apart, downwards from the top one.
    labels.sort()
    for one, next_ in zip(labels, labels[1:]):
        next_[0] = max(next_[0], one[0] + 15)
    lines += [words(right + 10, round(place) + 4, text, 12, colour=colour) for place, text, colour in labels]
    return lines, bottom + 40


def drawn(found):
    lines, top = [], 6
    for part, title in [
        ("launch", "Launch: start to exit of true, milliseconds (median, p10 to p90)"),
        ("exec", "Joining a running container: true, milliseconds (median, p10 to p90)"),
    ]:
        if any("median" in row for row in found.get(part, {}).values()):
            more, top = bars(title, found[part], top)
            lines += more
            top += 14
    crowd = [dict(point, label=f"{point['containers']} running") for point in found.get("crowd", [])]
    imports = [
        {"label": f"{point['processors']} processor{'s' * (point['processors'] > 1)}", "rows": {
            name: {"median": row["wall"] * 1e6} for name, row in point["rows"].items() if "wall" in row}}
        for point in found.get("unpack", {}).get("processors", [])]
    decline = [row for row in found.get("allocation", []) if row["workload"] == "decline"]
    cycles = [
        {"label": f"{agents:,} agents", "rows": {
            f"{row['frameworks']} frameworks": {"median": row["first_cycle_ms"] * 1000}
            for row in decline if row["agents"] == agents}}
        for agents in dict.fromkeys(row["agents"] for row in decline)]
    for title, points in [
        ("Launch while others run: median milliseconds", crowd),
        ("Import and unpack into memory by processors: median milliseconds", imports),
        ("Allocator, a cycle that offers everything: milliseconds", cycles),
    ]:
        if len(points) > 1:
            more, top = curves(title, points, top)
            lines += more
            top += 14
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" font-family="sans-serif">'
            f'<rect width="{WIDTH}" height="{top}" fill="#ffffff"/>')
    return "\n".join([head, *lines, "</svg>"]) + "\n"
