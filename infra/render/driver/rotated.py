"""The report of a finished rotation; gives the stack's file the new value, or `pulumi up` would undo it."""

from __future__ import annotations

from infra.command_errors import CannotDo
from infra.command_line import print_json
from infra.render.deployed.app import AppFailed
from infra.render.driver.common import Session
from infra.render.rotation.kinds import Proof
from infra.render.rotation.rotation import Rotation
from infra.render.rotation.verifying import is_accepted


def report(session: Session, rotation: Rotation, seen: str, new: str) -> int:
    """Tell what was done, and return the exit status: 1 if the stack's file still has the old value."""
    name, notes = rotation.noted.secret, []
    where = ", ".join(
        f"{'file ' if target.is_file else ''}{target.variable} in {target.name}" for target in rotation.noted.targets
    )
    if rotation.means.proof is Proof.ACCEPTED and _old_is_accepted(rotation, new):
        notes.append(
            "the old token is still accepted; `claude-memory token list` and `token revoke ID` end that"
            " (docs/render.md, Make more tokens)"
        )
    kept, status = _keep_in_stack(session, name, new)
    notes += [kept] if kept else []
    if session.args.json:
        told = {"secret": name, "set": where, "verified": seen, "proof": str(rotation.means.proof), "notes": notes}
        print_json(told | {"deploys": [one.deploy["id"] for one in rotation.deploys]})
    else:
        print(f"{name}: rotated ({where}); verified: {seen}")
        for note in notes:
            print(f"{name}: {note}")
    return status


def _old_is_accepted(rotation: Rotation, new: str) -> bool:
    if rotation.means.app is None:
        return False
    try:
        return is_accepted(rotation.means.app(new), rotation.noted.old)
    except AppFailed:
        return False


def _keep_in_stack(session: Session, name: str, new: str) -> tuple[str, int]:
    """Put the value into the stack's file where that has the secret; return what to tell, and the exit status."""
    stack = session.stack_file
    key = stack.key_of(name)
    if key is None:
        return "", 0
    try:
        stack.put_secret(key, new)
    except CannotDo as error:
        told = f"{stack.path.name} still has the old value, which the next `pulumi up` would set ({error}); give it the"
        return f"{told} new one: pulumi config set --secret {key} --stack {stack.stack}", 1
    return f"{stack.path.name} has the new value as {key}", 0
