"""`images lock`, `check` and `clean`: which images a stack gets, whether tags have moved, what lies unused."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from infra import stack_file, versions
from infra.command_errors import CannotDo
from infra.command_line import Commands, add_json, count, print_json
from infra.finding import Finding, State, failed, ok, skipped
from infra.plan.names import stack_files
from infra.selfhost import image_cleaning, image_lock
from infra.selfhost.image_cleaning import OldImage
from infra.selfhost.names import short
from infra.selfhost.registry import Registry
from infra.selfhost.running import look
from infra.selfhost.stack_session import Session, add_command
from infra.selfhost.status import print_findings
from infra.tables import print_table
from infra.targets import Target

_SHOWN = len("sha256:") + 12
_APP = "app"  # is built from the checkout; pinned in the stack's own file
_MOVED = "python -m infra.selfhost images lock --update, then pulumi up"


@dataclass(frozen=True)
class Answer:
    """What a registry said of an image: a digest, or why there is none."""

    digest: str = ""
    problem: str = ""


def add(commands: Commands[Any]) -> None:
    """Declare `images` and what can be done with them."""
    about = "Lock the digests of images, compare them with registries and hosts, remove old ones."
    parser = commands.add_parser("images", help=about, description=about)
    actions = parser.add_subparsers(dest="what", metavar="ACTION", required=True)

    lock = add_command(actions, "lock", "Write the digests of all images to infra/images.lock; those it has stay.")
    lock.add_argument("--update", action="store_true", help="Take what the tags stand for now, where they have moved.")
    lock.set_defaults(run=run_lock)

    check = add_command(actions, "check", "Compare the lock with the registries, and with what the hosts run.")
    add_json(check)
    check.set_defaults(run=run_check)

    clean = add_command(actions, "clean", "Show the images of the stack's kinds that no container on its hosts uses.")
    clean.add_argument("--remove", action="store_true", help="Remove them.")
    clean.add_argument(
        "--keep", type=count, default=1, metavar="N", help="Keep the newest N of each kind, to go back to (default: 1)."
    )
    add_json(clean)
    clean.set_defaults(run=run_clean)


def run_lock(args: Namespace) -> int:
    """Write the lock; 1 when a registry did not answer for some image, whose entry stays as it is."""
    before = image_lock.read()
    names = lockable(stack_file.project_folder(Path.cwd()))
    asked = _asked(name for name in names if args.update or name not in before)
    after = {name: digest for name in names if (digest := _digest(name, asked, before))}
    image_lock.write(after)
    findings = [_locked(name, asked.get(name), before.get(name)) for name in names]
    findings += [ok(name, "no stack uses it; its entry is gone") for name in sorted(set(before) - set(names))]
    print_findings(findings)
    return _status(findings)


def _digest(name: str, asked: Mapping[str, Answer], before: Mapping[str, str]) -> str | None:
    answer = asked.get(name)
    return answer.digest if answer is not None and answer.digest else before.get(name)


def _locked(name: str, answer: Answer | None, before: str | None) -> Finding:
    if answer is None:
        return ok(name, f"{str(before)[:_SHOWN]}, as before")
    if answer.problem:
        return failed(name, answer.problem)
    now = answer.digest[:_SHOWN]
    if before is None:
        return ok(name, f"{now}, new")
    return ok(name, f"{now}, as before" if before == answer.digest else f"{now}, was {before[:_SHOWN]}")


def run_check(args: Namespace) -> int:
    """Print how the lock, the registries and the hosts agree; 1 when they do not."""
    session = Session.of(args)
    locked, asked = image_lock.read(), _asked(lockable(stack_file.project_folder(Path.cwd())))
    findings = [_compared(name, locked.get(name), answer) for name, answer in asked.items()]
    findings += _hosts(session, locked)
    if args.json:
        print_json({"ok": _status(findings) == 0, "findings": [asdict(one) for one in findings]})
    else:
        print_findings(findings)
    return _status(findings)


def _compared(name: str, locked: str | None, answer: Answer) -> Finding:
    if locked is None:
        return failed(name, "is not in the lock: its tag decides", "python -m infra.selfhost images lock")
    if answer.problem:
        return skipped(name, f"locked at {locked[:_SHOWN]}; {answer.problem}")
    if locked != answer.digest:
        return failed(name, f"the tag has moved from {locked[:_SHOWN]} to {answer.digest[:_SHOWN]}", _MOVED)
    return ok(name, f"{locked[:_SHOWN]}, as the registry has it")


def _hosts(session: Session, locked: Mapping[str, str]) -> Iterator[Finding]:
    """Yield which services run another image than the lock has for them."""
    view = look(session.hosts, session.stack)
    for host, why in view.unseen.items():
        yield failed(f"host {host}", why, "check the address and the host")
    for one in view.serving:
        name = session.declared.images.get(one.service, "")
        wanted = image_lock.pinned(name, locked).partition("@")[2]
        if wanted and one.digest != wanted:
            runs = one.digest[:_SHOWN] or f"an image without a digest ({one.image_id[:_SHOWN]})"
            yield failed(f"{short(one.service)} on {one.host.name}", f"runs {runs}, not {wanted[:_SHOWN]}", "pulumi up")


def run_clean(args: Namespace) -> int:
    """Print unused images, and remove them if that was asked for; 1 when a host failed."""
    session = Session.of(args)
    locked = image_lock.read()
    names = {image_lock.pinned(name, locked) for name in session.declared.images.values()}
    old: list[OldImage] = []
    findings: list[Finding] = []
    for host in session.hosts:
        try:
            found = image_cleaning.old_images(host, names, args.keep)
            for one in found if args.remove else ():
                image_cleaning.remove(one)
            old += found
        except CannotDo as error:
            findings.append(failed(f"host {host.name}", str(error)))
    if args.json:
        shown = [{"host": one.host.name, "image": one.reference, "id": one.id, "size": one.size} for one in old]
        print_json({"removed": args.remove, "images": shown, "failed": [asdict(one) for one in findings]})
        return _status(findings)
    print_table(
        ("host", "image", "id", "made", "size"),
        [(one.host.name, one.reference, one.id[:_SHOWN], one.created[:10], one.size) for one in old],
    )
    if findings:
        print_findings(findings)
    print("removed" if args.remove else "nothing was removed; --remove does it" if old else "nothing lies unused")
    return _status(findings)


def lockable(root: Path) -> list[str]:
    """Return the names of all images that the programs and the selfhost stacks of a checkout take by a tag."""
    names = {value for name, value in vars(versions).items() if name.isupper() and isinstance(value, str)}
    for stack in stack_files(root):
        file = stack_file.read(root, stack)
        if file.values.get("target") == Target.SELFHOST:
            given = file.parts.get("images") or {}
            names |= {str(name) for kind, name in given.items() if kind != _APP}
    return sorted(name for name in names if "@" not in name)


def _asked(names: Iterable[str]) -> dict[str, Answer]:
    names, registry = list(names), Registry()

    def answer(name: str) -> Answer:
        try:
            return Answer(digest=registry.digest(name))
        except CannotDo as error:
            return Answer(problem=str(error))

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(names, pool.map(answer, names), strict=True))


def _status(findings: Iterable[Finding]) -> int:
    return 1 if any(one.state is State.FAILED for one in findings) else 0
