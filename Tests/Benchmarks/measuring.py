"""Numbers: what one run costs, and what many runs say together."""
import json
import random
import statistics
import subprocess
import time


class Broken(Exception):
    """A tool did not do what it was measured for; its row says so and the others go on."""


class Stopwatch:
    """Runs commands through the C program of that name, so that Python's own start of processes is not measured."""

    def __init__(self, program, realtime):
        self.prefix = ["chrt", "--fifo", "10"] if realtime else []
        self.program = program

    def run(self, command, environment=None, directory=None, many=None):
        """What one run of `command` cost, as stopwatch.c says it. With `many`, a count and how many at a time, all of them
        together, each with its number at the end of its last word."""
        times = ["--many", str(many[0]), str(many[1])] if many else []
        done = subprocess.run(
            self.prefix + [self.program] + times + command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment, cwd=directory, timeout=120)
        cost = json.loads(done.stdout or '{"status": 1}')
        if cost["status"] != 0:
            raise Broken((done.stderr.strip().splitlines() or ["it failed"])[-1][:160])
        return cost


class Samples:
    """Microseconds of one row."""

    def __init__(self):
        self.values = []
        self.broken = None

    def summary(self):
        if self.broken or not self.values:
            return {"broken": self.broken or "nothing was measured"}
        ordered = sorted(self.values)
        at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]
        return {
            "runs": len(ordered), "median": statistics.median(ordered), "p10": at(0.1), "p90": at(0.9),
            "least": ordered[0],
        }


def interleaved(rows, runs, seconds, warmup=2):
    """Calls every row's function in turn, in another order each round, for `runs` rounds or `seconds`.

    `rows` maps names to functions that give microseconds. The first rounds warm up and are dropped, at least three are
    kept. A row that breaks is left out from then on. Gives a summary for each name.
    """
    samples = {name: Samples() for name in rows}
    until = time.monotonic() + seconds
    kept = 0
    for number in range(runs + warmup):
        names = [name for name in rows if not samples[name].broken]
        random.shuffle(names)
        for name in names:
            try:
                value = rows[name]()
                if number >= warmup:
                    samples[name].values.append(value)
            except (Broken, OSError, subprocess.SubprocessError) as problem:
                samples[name].broken = str(problem)
        kept += number >= warmup
        if kept >= 3 and time.monotonic() > until:
            break
    return {name: found.summary() for name, found in samples.items()}
