"""Makes the real call that shows whether a secret works."""

from __future__ import annotations

from dataclasses import replace

from infra.render.api.clock import Clock
from infra.render.deployed.app import AppFailed, DeployedApp
from infra.render.rotation.kinds import Proof

_TESTS = {
    Proof.READY: "test_postgres",
    Proof.INDEX: "test_index",
    Proof.EMBEDDINGS: "test_embeddings",
    Proof.RERANK: "test_rerank",
    Proof.MEMU: "test_memu_connection",
}
# Migrations and the index may take a while after a start.
_READY_S = 120.0
_POLL_S = 2.0
_READY = "the app is ready"


def verify(app: DeployedApp, proof: Proof, value: str, clock: Clock) -> str:
    """Return what was seen. Raises AppFailed if the secret does not work, or it cannot be told."""
    if proof is Proof.ACCEPTED:
        return _accepted(app, value)
    _wait_ready(app, clock)
    if proof is Proof.HEALTH:
        return _READY
    name = _TESTS[proof]
    try:
        trip = app.round_trips([name]).get(name)
    except AppFailed as error:
        if proof is Proof.READY and error.status in (401, 403):
            return _READY  # it is not without PostgreSQL
        raise
    if trip is None or not trip.ok:
        raise AppFailed(trip.detail if trip else "the app did not report it")
    return trip.detail


def needs_token(proof: Proof) -> bool:
    """Whether the call is made for callers with a token alone, where the app asks for one."""
    return proof in _TESTS and proof is not Proof.READY


def is_accepted(app: DeployedApp, token: str) -> bool:
    """Whether a token opens what asks for one. Raises AppFailed."""
    return replace(app, token=token).knows_token()


def _accepted(app: DeployedApp, token: str) -> str:
    if replace(app, token=None).knows_token():
        raise AppFailed("the app accepts callers without a token (AUTH), so no call shows whether the new one works")
    if not is_accepted(app, token):
        raise AppFailed("the app refuses the new token; does its pre-deploy command run `claude-memory init`?")
    return "the new token is accepted"


def _wait_ready(app: DeployedApp, clock: Clock) -> None:
    until_s = clock.now() + _READY_S
    while not app.is_ready():
        if clock.now() >= until_s:
            parts = app.health().get("components") or {}
            said = "; ".join(f"{name}: {part.get('detail')}" for name, part in parts.items() if part.get("detail"))
            raise AppFailed(f"the app is not ready after {_READY_S:.0f} s: {said or 'it does not say why'}")
        clock.sleep(_POLL_S)
