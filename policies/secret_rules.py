"""Rules about secrets: where they may stand, how the state keeps them, and what looks like one."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from app.settings.fields import secret_names
from app.settings.forms import ACCESS_TOKEN
from infra.render.provider.fingerprints import KEY
from policies.rule import Resource, ResourceRule
from policies.thresholds import Keys, Nothing
from policies.variables import CONTAINER, FUNCTION, VARIABLES, WITH_VARIABLES, files, may_be_hidden, variables

ACCOUNT = "alicloud:rds/rdsAccount:RdsAccount"
# Outputs that hold secrets, by the type of a resource. Pulumi encrypts an output only if it is told so, or if the input
# of the same name was secret at that time.
_SECRET_OUTPUTS: Mapping[str, tuple[str, ...]] = {FUNCTION: (VARIABLES,)}
# Properties that hold a secret and nothing else: their values are not searched, whoever can read them may.
_PLACES: Mapping[str, tuple[str, ...]] = {
    CONTAINER: ("uploads",),
    FUNCTION: (VARIABLES,),  # each variable is judged by its name
    ACCOUNT: ("accountPasswordWo",),
    "alicloud:fc/v3CustomDomain:V3CustomDomain": ("certConfig",),
    "render:index:RegistryCredential": ("authToken",),
    "pulumi:providers:alicloud": ("accessKey", "secretKey"),
    "pulumi:providers:render": ("renderApiKey",),
}
_FORMS: Mapping[str, str] = {
    "an access token of the app": rf"\b{ACCESS_TOKEN}\b",
    "an access key of Alibaba Cloud": r"\bLTAI[A-Za-z0-9]{12,26}\b",
    "an access key of AWS": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a key of Render": r"\brnd_[A-Za-z0-9]{20,}\b",
    "a token of GitHub": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{22,})\b",
    "a key of a model service": r"\bsk-[A-Za-z0-9_-]{20,}",
    "a token of Slack": r"\bxox[abprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/T\w+/B\w+/\w+",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|\bAGE-SECRET-KEY-1[A-Z0-9]{20,}",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.",
    "a password in a URL": r"://[^/\s:@]*:[^/\s@]{4,}@",
}
_HEX_LENGTH = 40  # from here on, hexadecimal digits are a key or a digest
# Digests, which pin something and open nothing.
_DIGEST = re.compile(r"sha(?:256|384|512)[:-][A-Za-z0-9+/=]{40,}")
# Parts of a name that a person wrote, such as EU, West1, 2026 or MCPRuntimeV2: words, and a number at the end of each.
_READABLE = re.compile(
    r"(?:\d{1,8}|[A-Z]+\d{0,4}|(?:[a-z]+|[A-Z][a-z]+)\d{0,4}|[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})+\d{0,4})?"
)
_MIXED = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])")


def _plain_settings(resource: Resource, _: Nothing) -> Iterator[str]:
    secret = set(secret_names())
    for variable in [*variables(resource), *files(resource)]:
        if variable.name in secret and not variable.hidden:
            yield f"{resource.name} has {variable.name} in clear, which is a secret of the app"


def _secret_outputs(resource: Resource, _: Nothing) -> Iterator[str]:
    for output in _SECRET_OUTPUTS.get(resource.type, ()):
        if output not in resource.options.secret_outputs:
            yield f"{resource.name} does not name {output} among its secret outputs"
    if resource.type == ACCOUNT and resource.get("accountPassword") is not None:
        yield f"{resource.name} has accountPassword, which the state would hold, in place of accountPasswordWo"


def _keys(resource: Resource, thresholds: Keys) -> Iterator[str]:
    places = {*_PLACES.get(resource.type, ()), KEY}
    if not resource.type.startswith("render:"):  # there each value has a form of its own
        places |= resource.secrets or set()
    allowed = [re.compile(pattern) for pattern in thresholds.allowed]
    for path, text in texts({name: value for name, value in resource.props.items() if name not in places}):
        found = key_form(text, thresholds)
        if found is not None and not any(pattern.search(text) for pattern in allowed):
            yield f"{resource.name} has at {path} what looks like {found}"


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path, text) of all texts in a value, keys too; not of those that the state never holds."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        if may_be_hidden(value):
            return
        for name, inner in value.items():
            yield from texts(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from texts(inner, f"{path}[{number}]")


def key_form(text: str, thresholds: Keys) -> str | None:
    """Return what sort of key a text holds, None for none."""
    for name, form in _FORMS.items():
        if re.search(form, text):
            return name
    for path in re.findall(r"[A-Za-z0-9+/_=-]+", _DIGEST.sub("", text)):
        words = path.split("/")
        if any(re.fullmatch(rf"[0-9a-f]{{{_HEX_LENGTH},}}", word) for word in words):
            return "a key in hexadecimal digits"
        odd = [word for word in words if not _is_name(word)]
        # Base64 has slashes as well: of a key nearly everything between them is odd, of a path nearly nothing.
        if any(_is_random(word, thresholds) for word in (*odd, "".join(odd))):
            return "a random key"
    return None


def _is_name(word: str) -> bool:
    """Whether a word is put together from what people write, such as memory-Alerts-2026-Production-EU-West1."""
    return all(_READABLE.fullmatch(part) for part in re.split("[-+_=]", word))


def _is_random(word: str, thresholds: Keys) -> bool:
    return len(word) >= thresholds.length and bool(_MIXED.match(word)) and entropy(word) >= thresholds.bits


def entropy(text: str) -> float:
    """Return the entropy of a text by how often each character is in it, in bits per character."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


RULES = (
    ResourceRule(
        name="secret-settings-hidden",
        why="A setting that the app calls secret would be shown by `docker inspect`, consoles and the state.",
        remedy="Give it as a file, as a write-only variable, or in an environment that is a secret.",
        check=_plain_settings,
        types=WITH_VARIABLES,
    ),
    ResourceRule(
        name="secret-outputs-marked",
        why="The state holds an output in clear unless the program says that it is secret.",
        remedy="Name it in additional_secret_outputs, or use the write-only property.",
        check=_secret_outputs,
        types=(*_SECRET_OUTPUTS, ACCOUNT),
    ),
    ResourceRule(
        name="no-keys-in-clear",
        why="A key in a plain property is readable in the state, in previews and in the comments of pull requests.",
        remedy="Set it with `pulumi config set --secret`, or allow the text in the policy configuration.",
        check=_keys,
        thresholds=Keys(),
    ),
)
