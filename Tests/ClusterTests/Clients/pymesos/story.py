"""Helpers of the stories that third-party clients tell: a log, and waiting for what has to happen."""
import sys
import threading
import time


class Story:
    """Things that happened, in order; whoever waits for one is woken."""

    def __init__(self):
        self.changed = threading.Condition()
        self.happened = []

    def add(self, name, value=None):
        with self.changed:
            print("+", name, str(value)[:400], flush=True)
            self.happened.append((name, value))
            self.changed.notify_all()

    def wait(self, name, test=lambda value: True, seconds=240):
        deadline = time.monotonic() + seconds
        with self.changed:
            while True:
                for what, value in self.happened:
                    if what == name and test(value):
                        return value
                left = deadline - time.monotonic()
                if left <= 0:
                    fail("waited %d s in vain for %s" % (seconds, name))
                self.changed.wait(left)

    def all(self, name):
        with self.changed:
            return [value for what, value in self.happened if what == name]


def expect(truth, sentence):
    if not truth:
        fail(sentence)


def fail(sentence):
    print("FAILED:", sentence, file=sys.stderr, flush=True)
    sys.exit(1)
