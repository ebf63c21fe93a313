"""Events of the scheduler API: many frameworks ask how their tasks are, and are told of each."""
import clusterload

SIZES = [(100, 100, 100), (1000, 100, 1000)]  # agents, tasks on each, frameworks whose they are
BUDGET = 50_000  # events a second of one processor, at the larger size


def measure(program, quick):
    def extra(size, port, work):
        return ["-running", str(size[1]), "-owners", str(size[2]), "-reconcile", "5"]
    # The master has one processor to itself; the frameworks have the others.
    return clusterload.measure_alone(program, SIZES[:1] if quick else SIZES, extra, processor=0)


def rows(found):
    head = ["frameworks", "events", "events/s", "events a processor s", "at least", "memory MB"]
    return head, [
        [row["owners"], row["events"], f'{row["events_per_s"]:.0f}', f'{row["events_per_processor_s"]:.0f}',
         BUDGET if row["owners"] == SIZES[-1][2] else "-", row["memory_mb_events"]] for row in found]
