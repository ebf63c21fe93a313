"""A person at a terminal, played: `bulkhead task run -it`, keys, sizes, leaving, coming back, the exit status.

story.py PROGRAM MASTER
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

PROGRAM, MASTER = sys.argv[1:3]


def set_size(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Person:
    """At a terminal of their own, with one command in it."""

    def __init__(self, *words):
        self.said = b""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            set_size(0, 24, 80)
            os.execv(PROGRAM, [PROGRAM, *words[:2], "--master", MASTER, *words[2:]])

    def types(self, keys):
        os.write(self.terminal, keys)

    def sees(self, text, seconds=240):
        """Waits until it is on the screen; gives everything up to it."""
        end = time.monotonic() + seconds
        while text not in self.said:
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            piece = self._read() if ready else b""
            assert piece, f"never saw {text!r}, but {self.said!r}"
            self.said += piece
        before, self.said = self.said.split(text, 1)
        return before

    def status(self):
        while piece := self._read():
            self.said += piece
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def _read(self):
        try:
            return os.read(self.terminal, 4096)
        except OSError:  # EIO: nobody has the other side open any more
            return b""


# What is typed and what it prints differ, so that an echo is not taken for an answer.
shell = Person("task", "run", "-it", "busybox", "sh", "-c", "echo fir\\st; exec sh")
shell.sees(b"first\r\n")
shell.sees(b"# ")
shell.types(b"tty -s && stty size && echo $TE\\RM\r")
shell.sees(b"24 80\r\n")
shell.sees(b"# ")
set_size(shell.terminal, 40, 100)
# The size travels to the task by itself; until it has, the shell tells the old one.
for _ in range(100):
    shell.types(b"stty size; echo do''ne\r")
    if b"\n40 100\r\n" in shell.sees(b"done\r\n"):
        break
else:
    raise AssertionError("the task never heard of the new size")
shell.types(b"echo wai''ting; sleep 1000\r")
shell.sees(b"waiting\r\n")
shell.types(b"\x03")
shell.types(b"echo inter''rupted $?\r")
shell.sees(b"interrupted 130\r\n")
shell.types(b"exit 7\r")
assert shell.status() == 7, shell.said

left = Person("task", "run", "-it", "--name", "left", "--detach-keys", "ctrl-a,d", "busybox", "sh")
left.sees(b"# ")
left.types(b"\x01\x01\x02\x01d")
assert left.status() == 0, left.said
assert b"task attach -i left" in left.said, left.said

back = Person("task", "attach", "-i", "left")
back.types(b"\x15echo he''re\r")
back.sees(b"here\r\n")
back.types(b"exit 3\r")
assert back.status() == 3, back.said

# Without a terminal keys still arrive, and the end of them does.
reader, writer = os.pipe()
piped = os.fork()
if piped == 0:
    os.dup2(reader, 0)
    os.close(writer)
    os.execv(PROGRAM, [PROGRAM, "task", "run", "--master", MASTER, "-i", "busybox", "sh", "-c", "test $(cat) = typed"])
os.close(reader)
os.write(writer, b"typed")
os.close(writer)
assert os.waitstatus_to_exitcode(os.waitpid(piped, 0)[1]) == 0

# A terminal that is hung up tells the task so.
gone = Person("task", "run", "-it", "busybox", "sh", "-c", "trap 'exit 9' HUP; echo rea\\dy; while :; do sleep 1; done")
gone.sees(b"ready\r\n")
os.kill(gone.process, signal.SIGHUP)
assert gone.status() == 9, gone.said
print("the story has ended well")
