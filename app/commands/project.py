"""`project list`, `project rename`, `project merge`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Any

from app.commands.common import (
    Commands,
    add_command,
    add_common,
    add_json,
    cell,
    print_json,
    print_table,
    project_name,
    user_name,
)


def declare(commands: Commands[Any]) -> None:
    """Declare `project` and its actions."""
    parser = add_command(commands, "project", "List projects with their repositories, rename and merge them.")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    listing = add_command(actions, "list", "List projects: what each holds, and whose folders belong to it.")
    add_json(listing)
    listing.set_defaults(run=list_projects)
    _add_shared(listing)

    rename = add_command(actions, "rename", "Give a project another name; its folders follow.")
    rename.add_argument("old", type=project_name, metavar="OLD", help="The project.")
    rename.add_argument("new", type=project_name, metavar="NEW", help="A name that no project has.")
    rename.set_defaults(run=rename_project)
    _add_shared(rename)

    merge = add_command(actions, "merge", "Move everything of a project into another one; its folders follow.")
    merge.add_argument("old", type=project_name, metavar="FROM", help="The project that ends.")
    merge.add_argument("new", type=project_name, metavar="INTO", help="The project that stays.")
    merge.set_defaults(run=merge_projects)
    _add_shared(merge)


def _add_shared(parser: ArgumentParser) -> None:
    parser.add_argument("--user", type=user_name, metavar="NAME", help="Whose projects (DEFAULT_USER_ID).")
    add_common(parser)


def list_projects(args: Namespace) -> int:
    """Print all projects."""
    from app.ops import projects

    rows = [asdict(row) for row in projects.listing(args.data_dir, args.user)]
    if args.json:
        print_json(rows)
    else:
        columns = ("project", "memories", "messages", "newest", "repositories")
        print_table(columns, [tuple(cell(value) for value in row.values()) for row in rows])
        for names in _of_one_name([row["project"] for row in rows]):
            print(
                f"of one folder name: {', '.join(names)}; claude-memory project merge FROM INTO makes two of them one"
            )
    return 0


def _of_one_name(projects: list[str]) -> list[list[str]]:
    """Return the projects whose names differ only by what tells their repositories apart."""
    groups: dict[str, list[str]] = {}
    for project in projects:
        groups.setdefault(project.rpartition("/")[2], []).append(project)
    return [names for names in groups.values() if len(names) > 1]


def rename_project(args: Namespace) -> int:
    """Rename a project and print what was moved."""
    from app.ops import projects

    print(projects.rename(args.data_dir, args.user, args.old, args.new))
    return 0


def merge_projects(args: Namespace) -> int:
    """Merge two projects and print what was moved."""
    from app.ops import projects

    print(projects.merge(args.data_dir, args.user, args.old, args.new))
    return 0
