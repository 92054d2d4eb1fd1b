"""`python -m app` and the command `claude-memory`.

`serve` goes straight to `app.process.boot`: even argparse waits until the port is open; `stdio` to `app.bridge.stdio`,
`doctor --start` to `app.process.start_report`.
"""

from __future__ import annotations

import gc
import sys

from app.terminal import clean

_OF_START = {"doctor", "--start", "--json", "--debug"}


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 failed, 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    if arguments is None:  # a process of its own
        sys.stderr = clean(sys.stderr)  # for what is logged, and for the traceback of an error that ends it
    if given[:1] in (["serve"], ["daemon"]):
        gc.disable()  # imports make 300,000 objects and no garbage: collecting takes 50 ms; see app.serve.server
        from app.process import boot

        flags = boot.read_flags(given[1:])
        if flags is not None:
            flags.daemon = given[0] == "daemon"
            return boot.serve(flags)
    if given[:1] == ["stdio"] and not {"-h", "--help"} & set(given):
        from app.bridge import stdio

        return stdio.main(given[1:])
    if given[:1] == ["doctor"] and "--start" in given and not set(given) - _OF_START:
        from app.process import start_report  # not by app.cli: it must work where nothing else can be imported

        return start_report.main(as_json="--json" in given)
    from app.cli import run

    return run(given)


if __name__ == "__main__":
    sys.exit(main())
