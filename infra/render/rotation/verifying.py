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
    Proof.MEMU: "test_memu_connection",
}
# Migrations and the index may take a while after a start.
_READY_S = 120.0
_POLL_S = 2.0


def verify(app: DeployedApp, proof: Proof, value: str, clock: Clock) -> str:
    """Return what was seen. Raises AppFailed if the secret does not work, or it cannot be told."""
    if proof is Proof.LET_IN:
        return _let_in(app, value)
    if proof is not Proof.HEALTH and app.token is None and proof is not Proof.READY:
        raise AppFailed("the app tells only callers with a token; give one with --token-file or MEMORY_TOKEN")
    _wait_ready(app, clock)
    if proof is Proof.HEALTH or app.token is None:
        return "the app is ready"
    name = _TESTS[proof]
    trip = app.round_trips([name]).get(name)
    if trip is None or not trip.ok:
        raise AppFailed(trip.detail if trip else "the app did not tell")
    return trip.detail


def is_let_in(app: DeployedApp, token: str) -> bool:
    """Whether a token opens what asks for one. Raises AppFailed."""
    return replace(app, token=token).knows_token()


def _let_in(app: DeployedApp, token: str) -> str:
    if replace(app, token=None).knows_token():
        raise AppFailed("the app lets in callers without a token (AUTH), so nothing shows whether the new one works")
    if not is_let_in(app, token):
        raise AppFailed("the app refuses the new token; does its pre-deploy command run `claude-memory init`?")
    return "the new token is let in"


def _wait_ready(app: DeployedApp, clock: Clock) -> None:
    until_s = clock.now() + _READY_S
    while not app.is_ready():
        if clock.now() >= until_s:
            parts = app.health().get("components") or {}
            said = "; ".join(f"{name}: {part.get('detail')}" for name, part in parts.items() if part.get("detail"))
            raise AppFailed(f"the app is not ready after {_READY_S:.0f} s: {said or 'it does not say why'}")
        clock.sleep(_POLL_S)
