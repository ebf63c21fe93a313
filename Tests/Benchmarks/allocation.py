"""The allocator on the workloads of Mesos's own benchmarks: one process for each point, so that memory is its own."""
import json
import subprocess
import sys

WORKLOADS = ["decline", "quota", "labels"]
AGENTS = [1000, 5000, 10000, 50000]
FRAMEWORKS = [1, 50, 200, 1000]


def measure(program, quick):
    """The rows of the grid; with `quick` the smaller half of it."""
    rows = []
    for workload in WORKLOADS:
        for agents in AGENTS[:2] if quick else AGENTS:
            for frameworks in FRAMEWORKS[:2] if quick else FRAMEWORKS:
                done = subprocess.run(
                    [program, "--workload", workload, "--agents", str(agents), "--frameworks", str(frameworks)],
                    check=True, capture_output=True, text=True)
                rows.append(json.loads(done.stdout))
                print(done.stdout, end="", file=sys.stderr, flush=True)
    return rows


def rows(found):
    head = ["workload", "agents", "frameworks", "add all ms", "first cycle ms", "round ms", "one change ms", "p99",
            "bytes/agent"]
    body = []
    for row in found:
        cells = [row["add_ms"], row["first_cycle_ms"], row["round_ms"], row["change_p50_ms"], row["change_p99_ms"]]
        body.append(
            [row["workload"], row["agents"], row["frameworks"]] + ["-" if cell is None else f"{cell:.3f}" for cell in cells]
            + [row["bytes_per_agent"]])
    return head, body
