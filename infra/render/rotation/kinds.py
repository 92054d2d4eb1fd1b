"""What each secret looks like when it is made here, and which real call shows that a new one works."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Proof(StrEnum):
    """The real call that verifies a secret, in words for a report."""

    ACCEPTED = "a call with the new token is accepted, one without a token is refused"
    READY = "the app is ready and asks PostgreSQL"
    INDEX = "the app asks the search index"
    EMBEDDINGS = "the app has a word turned into a vector"
    RERANK = "the app has two texts ordered"
    MEMU = "the app asks memU"
    HEALTH = "the app is healthy after the deploy"
    LIVE = "the services that run with it are live with it"


@dataclass(frozen=True)
class Kind:
    """generate: makes one in the form the app takes; None: whoever runs the service gives it.

    needs: a setting without which the call proves nothing. loses_to: a secret that is used in place of this one.
    otherwise: the kind where this call proves nothing. note: what else has to be known.
    """

    proof: Proof = Proof.HEALTH
    generate: Callable[[], str] | None = None
    needs: str | None = None
    loses_to: str | None = None
    otherwise: Kind | None = None
    note: str = ""


def _access_token() -> str:
    return "cm_" + secrets.token_urlsafe(32)


def _password() -> str:
    return secrets.token_hex(24)


KINDS: Mapping[str, Kind] = {
    "ADMIN_TOKEN": Kind(
        Proof.ACCEPTED,
        _access_token,
        note="`claude-memory init` makes it valid: let it be the pre-deploy command",
    ),
    "ALERTS_TOKEN": Kind(generate=_password, note="an Alertmanager outside the stack has to show the new one as well"),
    "BACKUP_PASSPHRASE": Kind(
        generate=_password, note="keep the old one: backups made until now open with it, and with nothing else"
    ),
    "DASHSCOPE_API_KEY": Kind(
        Proof.EMBEDDINGS,
        needs="EMBEDDING_MODEL",
        loses_to="EMBEDDING_API_KEY",
        otherwise=Kind(Proof.RERANK, needs="RERANK_MODEL", loses_to="RERANK_API_KEY"),
    ),
    "DATABASE_URL": Kind(Proof.READY),
    "EMBEDDING_API_KEY": Kind(Proof.EMBEDDINGS, needs="EMBEDDING_MODEL"),
    "MEMU_API_KEY": Kind(Proof.MEMU),
    "QDRANT_API_KEY": Kind(Proof.INDEX, _password, needs="QDRANT_URL"),
    "RERANK_API_KEY": Kind(Proof.RERANK, needs="RERANK_MODEL"),
}


def kind_of(name: str, variables: Mapping[str, str]) -> tuple[Kind, str]:
    """Return the kind of a secret, with a proof that means something among these variables; and why it is another."""
    kind = KINDS.get(name, Kind())
    why = _proves_nothing(name, kind, variables)
    if why and kind.otherwise and not _proves_nothing(name, kind.otherwise, variables):
        return kind.otherwise, ""
    if not why:
        return kind, ""
    return Kind(Proof.HEALTH, kind.generate, note=kind.note), f"{why}: only the app's health can be verified"


def _proves_nothing(name: str, kind: Kind, variables: Mapping[str, str]) -> str:
    """Return why the call of a kind would not show whether a secret works; '' when it would."""
    if kind.needs and kind.needs not in variables:
        return f"{kind.needs} is not set, so no call uses {name}"
    if kind.loses_to and kind.loses_to in variables:
        return f"{kind.loses_to} is set and used in place of {name}"
    return ""
