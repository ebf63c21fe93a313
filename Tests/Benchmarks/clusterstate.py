"""The state of a large cluster: agents bring tasks that run, as after a change of masters, then all of it is read."""
import clusterload

SIZES = [(1000, 20), (4000, 25), (4000, 100)]  # agents, tasks on each


def measure(program, quick):
    extra = ["-reads", "5", "-active", "1"]
    return [row for size in (SIZES[:1] if quick else SIZES)
            for row in clusterload.measure_sizes(program, [(size[0], 2, 0)], 1, extra + ["-running", str(size[1])])]


def rows(found):
    head = ["agents", "tasks", "registered s", "state MB", "read p50 ms", "most", "calls meanwhile p50 ms", "p99", "most",
            "as protobuf MB", "read p50 ms", "watcher s", "memory MB"]
    body = []
    for row in found:
        reads, calls = row["state"]["reads"], row["state"]["calls_meanwhile"]
        protobuf = row["state_protobuf"]
        body.append(
            [row["agents"], row["agents"] * row["running"], f'{row["agents_s"]:.2f}', row["state"]["megabytes"],
             f'{reads["p50_ms"]:.0f}', f'{reads["max_ms"]:.0f}', f'{calls["p50_ms"]:.1f}', f'{calls["p99_ms"]:.1f}',
             f'{calls["max_ms"]:.0f}', protobuf["megabytes"], f'{protobuf["reads"]["p50_ms"]:.0f}',
             f'{row["watch_s"]:.2f}', row["memory_mb_reads"]])
    return head, body
