"""A change of masters in a large cluster: the old one is killed, the new one reads the registry, all agents come back."""
import clusterload

SIZES = [(1000, 10), (10000, 10)]  # agents, tasks on each
BUDGET = 1.5  # seconds, at the larger size


def measure(program, quick):
    def extra(size, port, work):
        return ["-running", str(size[1]), "-successor", f"{program} master --port {port} --work-dir {work}"]
    return clusterload.measure_alone(program, SIZES[:1] if quick else SIZES, extra)


def rows(found):
    head = ["agents", "tasks", "listens after s", "leads s", "agents are back s", "all known s", "at most",
            "processor s", "the agents' s", "memory MB", "a plain Go reader, all known s", "processor s"]
    return head, [
        [row["agents"], row["agents"] * row["running"], f'{row["starts_s"]:.2f}', f'{row["leads_s"]:.2f}',
         f'{row["reregistered_s"]:.2f}', f'{row["known_s"]:.2f}', BUDGET if row["agents"] == SIZES[-1][0] else "-",
         f'{row["cpu_s"]:.2f}', f'{row["own_cpu_s"]:.2f}', row["memory_mb_known"],
         f'{row["reader_s"]:.2f}', f'{row["reader_cpu_s"]:.2f}'] for row in found]
