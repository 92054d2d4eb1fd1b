"""Runs a model: reads texts from stdin and writes their vectors to stdout, one by one. Run by path, without `app`.

    python -I -S child.py PARENT_PID LIBRARY WEIGHTS DIMENSIONS KIND

KIND is `query` or `passage`; passages are computed in what the machine has left over. A request is a number (4 bytes),
the length of the text (4 bytes) and the text in UTF-8; a reply is the same number and the vector in 32-bit floats. The
process ends when stdin does and when its parent does, however that happens. Standard library only, so that it takes
10 MB beside the model. Linux only.
"""

import ctypes
import math
import os
import signal
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

REQUEST, NUMBER = struct.Struct("!II"), struct.Struct("!I")
CANNOT_LOAD, CANNOT_EMBED = 3, 4  # exit statuses
SHARE = 0.5  # of the processor time that passages take at most, of one processor or of what the container may use
CPU_S = 30  # processor time that one text may take; the longest takes one to three seconds
_PR_SET_PDEATHSIG = 1
_QUESTION_NICE, _LEAST_NICE, _OUT_OF_MEMORY_FIRST = 5, 19, "600"
_SESSION_NICE = (
    "10"  # the kernel may weigh sessions against each other, and this is one; but the work has to end one day
)
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def main(parent: str, library: str, weights: str, dimensions: str, kind: str) -> int:
    """Answer requests until stdin ends; return the exit status."""
    _end_with(int(parent))
    _give_way(in_background=kind == "passage")
    engine = ctypes.CDLL(library)
    engine.e5_load.restype = ctypes.c_void_p
    engine.e5_load.argtypes = [ctypes.c_char_p]
    engine.e5_dim.argtypes = [ctypes.c_void_p]
    engine.e5_embed.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(ctypes.c_float)]
    model = engine.e5_load(os.fsencode(weights))
    if not model or engine.e5_dim(model) != int(dimensions):
        return CANNOT_LOAD
    vector = (ctypes.c_float * int(dimensions))()
    while len(head := sys.stdin.buffer.read(REQUEST.size)) == REQUEST.size:
        number, length = REQUEST.unpack(head)
        text = sys.stdin.buffer.read(length)
        started = time.process_time()
        _allow_until(started + CPU_S)
        if engine.e5_embed(model, text, kind == "query", vector) != 0:
            return CANNOT_EMBED
        sys.stdout.buffer.write(NUMBER.pack(number) + bytes(vector))
        sys.stdout.buffer.flush()
        if kind == "passage":
            time.sleep(rest_s(time.process_time() - started, quota(_QUOTA)))
    return 0


def _allow_until(cpu_s: float) -> None:
    """Have the kernel end this process when it has used so much processor time: it computes without end."""
    import resource  # of Unix alone, like the model; others import this module for its constants

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(cpu_s)
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def rest_s(worked_s: float, cpus: float) -> float:
    """Return how long to rest after work, so that it takes SHARE of one processor, or of less where there is less."""
    return worked_s * (1 / (SHARE * min(1.0, cpus)) - 1)


def quota(file: Path) -> float:
    """Return how many processors a container may use, by cgroup's file; without a limit as many as there are."""
    try:
        most, every = file.read_text(encoding="ascii").split()
        return float(most) / float(every)
    except (OSError, ValueError, ZeroDivisionError):  # there is no such file, or it says `max`
        return float(os.cpu_count() or 1)


def _end_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit("the parent ended before its death signal was set")


def _give_way(*, in_background: bool) -> None:
    """Let the server go first: to the processor, and when memory runs out."""
    os.nice(_LEAST_NICE if in_background else _QUESTION_NICE)
    with suppress(OSError):  # a sandbox forbids it: nice is enough
        if in_background:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            Path("/proc/self/autogroup").write_text(_SESSION_NICE, encoding="ascii")
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OUT_OF_MEMORY_FIRST, encoding="ascii")


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(CANNOT_LOAD)
