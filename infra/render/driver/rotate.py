"""`rotate`: a new value for a secret, deployed and verified by a real call; the old one back where that fails."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from infra.command_errors import CannotDo, WrongUsage, meant
from infra.command_line import Commands, add_json, duration, print_json
from infra.render.api.errors import RenderError
from infra.render.api.stages import LIMIT_S
from infra.render.deployed.app import AppFailed, DeployedApp
from infra.render.deployed.app_settings import is_secret_name
from infra.render.deployed.choosing import STATIC, WEB, Service
from infra.render.deployed.variables import Place
from infra.render.driver.common import Session, add_app, add_command
from infra.render.driver.deploying import explain, watch
from infra.render.driver.reaching import app_of, given_token, url_of
from infra.render.driver.rotated import report
from infra.render.driver.values import check_name, check_value, read_value, write_value
from infra.render.rotation.kinds import KINDS, Kind, Proof, kind_of
from infra.render.rotation.rotation import Means, Rotation, targets_of
from infra.render.rotation.unfinished import Phase, Unfinished, load, path_of
from infra.render.rotation.verifying import needs_token


def add(commands: Commands[Any]) -> None:
    """Declare `rotate`."""
    parser = add_command(
        commands, "rotate", "Replace a secret: set, deploy, verify by a real call; the old one back if that fails."
    )
    parser.add_argument("secret", metavar="NAME", help="The variable, such as ADMIN_TOKEN.")
    _add_source(parser)
    parser.add_argument(
        "--timeout",
        type=duration,
        default=LIMIT_S,
        metavar="TIME",
        help="Wait no longer than this for a deploy (default: 30m).",
    )
    add_app(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def _add_source(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--from-file", type=Path, metavar="FILE", help="File with the new value (default: standard input)."
    )
    source.add_argument("--generate", action="store_true", help=f"Make the new value, for {', '.join(_generated())}.")
    source.add_argument("--go-on", action="store_true", help="Finish a rotation that was interrupted.")
    source.add_argument("--put-back", action="store_true", help="End an interrupted rotation with the old value.")
    parser.add_argument(
        "--to-file", type=Path, metavar="FILE", help="Write what --generate makes to this new file, mode 600."
    )


def _generated() -> list[str]:
    return [name for name, kind in KINDS.items() if kind.generate]


def run(session: Session) -> int:
    """Rotate one secret."""
    args, name = session.args, session.args.secret
    _check_arguments(args)
    path = path_of(session.owner, session.stack, name)
    left = load(path)
    if args.go_on or args.put_back:
        if left is None:
            raise WrongUsage(f"no rotation of {name} was interrupted here; there is nothing to go on with")
        return _finish_left(session, left, path)
    if left is not None:
        raise CannotDo(
            f"a rotation of {name} was interrupted {left.phase}; `rotate {name} --go-on` finishes it,"
            f" `rotate {name} --put-back` brings the old value back"
        )
    holding = _holding(session, name)
    files = [(one, session.api.secret_files.all(one.id)) for one in session.services if one.type != STATIC]
    noted = Unfinished(name, holding[0].values[name], targets_of(session.variables, name, holding, files), [])
    services = _running_with(session, noted)
    noted.services = [one.id for one in services]
    web = _web(services)
    kind, why = _kind(session, name, web)
    means = _means(session, web, kind.proof)
    new = _new_value(session, name, kind)
    if new == noted.old:
        raise WrongUsage(f"{name}: the new value is the old one")
    for note in filter(None, (why, kind.note)):
        session.say(f"{name}: {note}")
    return _rotate(session, Rotation(noted, path, services, means), new)


def _check_arguments(args: Namespace) -> None:
    check_name(args.secret, any_name=False)
    if not is_secret_name(args.secret):
        raise WrongUsage(f"{args.secret} is no secret; `env set {args.secret}=…` changes it")
    if args.to_file is not None and not args.generate:
        raise WrongUsage("--to-file goes with --generate")


def _holding(session: Session, name: str) -> list[Place]:
    """Return the places that hold the secret, all with one value."""
    holding = session.variables.holding(name)
    if not holding:
        raise CannotDo(f"{name} is not set there{meant(name, session.variables.names())}; `env set {name}` sets it")
    if len({place.values[name] for place in holding}) > 1:
        listed = ", ".join(str(place) for place in holding)
        raise WrongUsage(f"{name} has different values in {listed}; name one --service")
    return holding


def _web(services: Sequence[Service]) -> Service | None:
    """Return the app's web service if it runs, and with the secret; without it, its answers prove nothing."""
    return next((one for one in services if one.type == WEB and one.runs_the_app and not one.is_suspended), None)


def _kind(session: Session, name: str, web: Service | None) -> tuple[Kind, str]:
    if web is None:
        return replace(KINDS.get(name, Kind()), proof=Proof.LIVE), ""
    return kind_of(name, session.variables.of(web.id))


def _new_value(session: Session, name: str, kind: Kind) -> str:
    """Return the new value, checked."""
    args = session.args
    if not args.generate:
        value = read_value(name, args.from_file)
        check_value(name, value)
        return value
    if kind.generate is None:
        raise WrongUsage(
            f"{name}: is given by whoever runs the service; take --from-file (--generate is for"
            f" {', '.join(_generated())})"
        )
    value = kind.generate()
    if args.to_file is not None:  # first, so that it is not lost
        write_value(args.to_file, value)
        session.say(f"the new value is in {args.to_file}")
    return value


def _running_with(session: Session, noted: Unfinished) -> list[Service]:
    """Return the services that run with the secret."""
    by_id = {place.id: place for place in session.variables.places}
    ids = {reader for one in noted.targets for reader in ([one.place] if one.is_file else by_id[one.place].readers)}
    return session.services_by_id([one.id for one in session.services if one.id in ids] + sorted(ids))


def _means(session: Session, web: Service | None, proof: Proof) -> Means:
    """Return what to rotate with. Raises WrongUsage for an app that could not be asked afterwards."""
    app = _app(session, web)
    if app is not None:
        _check_asking(app(""), proof)
    return Means(session.api, lambda started: watch(session, started), session.say, app, proof)


def _app(session: Session, web: Service | None) -> Callable[[str], DeployedApp] | None:
    """Return how the app is reached with a value of the secret in force: a rotated token is the one to show."""
    if web is None:
        return None
    own = session.args.secret == "ADMIN_TOKEN"  # noqa: S105 - the name of a setting

    def app(value: str) -> DeployedApp:
        if own:
            return DeployedApp(url_of(session, web), given_token(session) or value)
        return app_of(session, web)

    return app


def _check_asking(app: DeployedApp, proof: Proof) -> None:
    try:
        refused = needs_token(proof) and not app.knows_token()
    except AppFailed:  # the present value may be why
        return
    if refused:
        raise WrongUsage("the app accepts none of the tokens it was shown; give one with --token-file or MEMORY_TOKEN")


def _rotate(session: Session, rotation: Rotation, new: str) -> int:
    name = rotation.noted.secret
    try:
        seen = rotation.run(new)
    except KeyboardInterrupt:
        _say_interrupted(session, rotation)
        raise
    except (CannotDo, RenderError) as error:
        for one in rotation.deploys:
            if not one.is_live:
                explain(session, one)
        if rotation.path.exists():  # putting back failed, too
            _say_interrupted(session, rotation)
        raise CannotDo(f"{name}: {error}") from None
    return report(session, rotation, seen, new)


def _say_interrupted(session: Session, rotation: Rotation) -> None:
    name, noted = rotation.noted.secret, rotation.noted
    session.say(
        f"{name}: interrupted {noted.phase}; the old value is kept in {rotation.path} until"
        f" `rotate {name} --go-on` or `rotate {name} --put-back` has ended"
    )


def _finish_left(session: Session, left: Unfinished, path: Path) -> int:
    """Go on with a rotation that was interrupted, or put the old value back."""
    session.say(f"{left.secret}: was interrupted {left.phase}")
    services = session.services_by_id(left.services)
    web = _web(services)
    kind, _ = _kind(session, left.secret, web)
    rotation = Rotation(left, path, services, _means(session, web, kind.proof))
    if session.args.put_back or left.phase is Phase.PUTTING_BACK:  # which is what it goes on with
        return _put_back(session, rotation)
    new = _set_since(session, left)
    if not new:
        path.unlink()
        raise CannotDo(f"{left.secret}: the new value had not been set anywhere; run the rotation again")
    if len(new) > 1:
        raise CannotDo(
            f"{left.secret}: several values were set since, so which is the new one cannot be told;"
            f" `rotate {left.secret} --put-back`, then rotate it again"
        )
    return _rotate(session, rotation, new.pop())


def _put_back(session: Session, rotation: Rotation) -> int:
    try:
        seen = rotation.put_back()
    except (KeyboardInterrupt, CannotDo, RenderError):
        _say_interrupted(session, rotation)
        raise
    if session.args.json:
        print_json({"secret": rotation.noted.secret, "put_back": True, "verified": seen})
    else:
        print(f"{rotation.noted.secret}: the old value is in force again ({seen})")
    return 0


def _set_since(session: Session, left: Unfinished) -> set[str]:
    """Return the values that stand where the secret was, the old one aside."""
    by_id = {place.id: place for place in session.variables.places}
    now = {by_id[one.place].values.get(one.variable) for one in left.targets if not one.is_file and one.place in by_id}
    return {value for value in now if value is not None} - {left.old}
