"""The command `claude-memory`: puts the commands of `app.commands` together and turns errors into exit statuses.

Exit status: 0 done, 1 failed, 2 wrong usage. Errors are one line on stderr, for wrong usage after the
usage; --debug shows the traceback.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

from app import __version__
from app.commands import which_memory
from app.errors import MemoryServerError
from app.terminal import clean_output

# In the order of --help. Each has a module with its name in `app.commands`, which has `declare`.
COMMANDS = (
    "remember", "search", "explain", "list", "show", "edit", "forget",
    "serve", "worker", "jobs", "stdio", "daemon", "alerts",
    "status", "doctor", "settings",
    "token", "user", "outbox",
    "import", "export", "project", "model",
    "init", "backup", "verify", "restore", "backups", "wal", "maintain", "reindex",
    "install", "uninstall", "hook", "service",
)  # fmt: skip


def build_parser(names: Sequence[str] = COMMANDS) -> ArgumentParser:
    """Return the parser of these commands."""
    parser = ArgumentParser(prog="claude-memory", description="Long-term memory for Claude and other MCP clients.")
    parser.add_argument("--version", action="version", version=f"claude-memory {__version__}")
    parser.add_argument("--debug", action="store_true", help="Show tracebacks.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in names:
        import_module(f"app.commands.{module_of(name)}").declare(commands)
    return parser


def module_of(command: str) -> str:
    """Return the name of a command's module."""
    return f"{command}_" if iskeyword(command) else command


def _wanted(arguments: Sequence[str]) -> Sequence[str]:
    """Return the command to run, so that no other one is loaded; all of them when it is not clear."""
    first = next((argument for argument in arguments if argument != "--debug"), "")
    return (first,) if first in COMMANDS else COMMANDS


def _run(args: Namespace, command: str) -> int:
    """Run a command, and say which memory it uses: on a terminal first, else at the end, as a failure is one line."""
    line = which_memory.line(command, args)
    if line and sys.stderr.isatty():
        print(line, file=sys.stderr)
        line = None
    status = int(args.run(args))
    if line:
        print(line, file=sys.stderr)
    return status


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status. What it prints cannot act on a terminal."""
    with clean_output():
        return _caught(arguments)


def _caught(arguments: Sequence[str]) -> int:
    """Run a command, and print an error as one line."""
    try:
        args = build_parser(_wanted(arguments)).parse_args(arguments)
    except SystemExit as end:  # argparse has printed what is wrong, the help or the version
        return int(end.code or 0)
    try:
        return _run(args, _wanted(arguments)[0])
    except MemoryServerError as error:
        if args.debug:
            raise
        print(f"claude-memory: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        sys.stderr.close()
        return 1
    except Exception as error:  # the outermost place: one line unless --debug
        if args.debug:
            raise
        from app.logs import unexpected

        print(f"claude-memory: internal error, {unexpected(error)}; --debug shows the traceback", file=sys.stderr)
        return 1
