"""Redacts credentials in a text before it is stored: each becomes `[redacted: kind]`.

It uses two lists of patterns. Both match only tokens with a mark (a prefix, a frame), so that prose, code, hashes
and base64 pictures do not change. It does not guess by entropy or by words like "password".

- gitleaks' rules (MIT), the most complete maintained list, from the package secretscreen. Only its data file is
  read; no code of it is imported. Rules that match any value near a vendor's name are left out: they mistake commit
  hashes and UUIDs for keys.
- `_OWN`: patterns that gitleaks lacks or has too narrow for pasted text, each with its source.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without its credentials. kinds: one entry per replacement."""

    text: str
    kinds: tuple[str, ...]


def redact(text: str) -> Redacted:
    """Replace what looks like a credential. Redacting the result again changes nothing.

    It takes 2 µs for a sentence, about 20 µs for one with a hash or a long_identifier, and under a second for
    1,000,000 characters. The first suspicious text takes 10 ms more, to read the rules.
    """
    kinds: list[str] = []
    for _ in range(PASSES):
        if not _suspicious(text):
            break
        spans = _merged(sorted(_matches(text), key=lambda span: span.start))  # stable: our rules stay first
        if not spans:
            break
        kinds += (span.kind for span in spans)
        text = _replace(text, spans)
    return Redacted(text, tuple(kinds))


PASSES = 4  # a key glued to another shows once the first is gone; more than two need an adversary

# Every pattern except a URL's password needs 18 such characters in a row; prose, paths and most URLs have none.
_LONG_RUN = re.compile(r"[A-Za-z0-9_~+=-]{18}")
_REST_OF_TOKEN = re.compile(r"[A-Za-z0-9_-]*")

# Where a token may begin and must end. ASCII on purpose: a key right after Chinese characters is a key.
_BEGIN = r"(?<![A-Za-z0-9_-])"
_END = r"(?![A-Za-z0-9_-])"


class _Span(NamedTuple):
    start: int
    end: int
    kind: str


class _Rule:
    """One pattern. keywords: in lower case; any text that matches contains at least one of them."""

    def __init__(self, kind: str, pattern: str, *keywords: str, flags: int = 0) -> None:
        self.kind = kind
        self.keywords = keywords
        self._pattern = pattern
        self._flags = flags | re.ASCII

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Compiled at first use: most rules' keywords never occur."""
        return re.compile(self._pattern, self._flags)

    def spans(self, text: str) -> Iterator[_Span]:
        """Yield the spans to replace: the group `secret`, or the whole match up to the end of its token."""
        alone = "secret" in self.regex.groupindex
        at = 0
        while match := self.regex.search(text, at):
            if alone:
                yield _Span(*match.span("secret"), self.kind)
                at = match.end()
            else:
                rest = _REST_OF_TOKEN.match(text, match.end())  # never leave the tail of a longer key
                at = rest.end() if rest else match.end()
                yield _Span(match.start(), at, self.kind)


def _token(kind: str, body: str, *keywords: str) -> _Rule:
    """Return the rule for a token with a border on each side."""
    return _Rule(kind, _BEGIN + body, *keywords)


_OWN = (
    # Our own (app/access/tokens.py): `cm_` and 32 random bytes in URL-safe base64.
    _token("claude-memory-token", r"cm_[A-Za-z0-9_-]{43}" + _END, "cm_"),
    # docs.anthropic.com, "API keys": sk-ant-api03-, sk-ant-admin01-, sk-ant-oat01- and whatever comes next.
    _token("anthropic-api-key", r"sk-ant-[A-Za-z0-9_-]{20,}", "sk-ant-"),
    # platform.openai.com, project, service account and admin keys; gitleaks wants their exact length.
    _token(
        "openai-api-key",
        r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{20,}",
        "sk-proj-",
        "sk-svcacct-",
        "sk-admin-",
    ),
    # openrouter.ai/docs/api-keys
    _token("openrouter-api-key", r"sk-or-v1-[0-9a-f]{32,}", "sk-or-v1-"),
    # help.aliyun.com/zh/model-studio (DashScope: 32 hex); DeepSeek, Moonshot, older OpenAI keys look alike.
    _token("openai-style-api-key", r"sk-[A-Za-z0-9]{32,64}" + _END, "sk-"),
    # docs.github.com, "About authentication to GitHub"; gitleaks wants exactly 82 characters.
    _token("github-fine-grained-pat", r"github_pat_[A-Za-z0-9_]{22,}", "github_pat_"),
    # huggingface.co/docs/hub/security-tokens; gitleaks wants exactly 34 letters.
    _token("huggingface-access-token", r"hf_[A-Za-z0-9]{30,}" + _END, "hf_"),
    # api-docs.render.com: API keys
    _token("render-api-key", r"rnd_[A-Za-z0-9]{20,}" + _END, "rnd_"),
    # console.groq.com, docs.x.ai, replicate.com/docs, docs.smith.langchain.com: API keys
    _token("groq-api-key", r"gsk_[A-Za-z0-9]{40,}" + _END, "gsk_"),
    _token("xai-api-key", r"xai-[A-Za-z0-9]{60,}" + _END, "xai-"),
    _token("replicate-api-token", r"r8_[A-Za-z0-9]{37}" + _END, "r8_"),
    _token("langsmith-api-key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}" + _END, "lsv2_"),
    # cloud.google.com/docs/authentication: OAuth client secret and access token
    _token("google-oauth-secret", r"GOCSPX-[A-Za-z0-9_-]{28}" + _END, "gocspx-"),
    _token("google-oauth-token", r"ya29\.[A-Za-z0-9_-]{20,}", "ya29."),
    # docs.stripe.com/webhooks/signature
    _token("stripe-webhook-secret", r"whsec_[A-Za-z0-9+/]{32,}", "whsec_"),
    # twilio.com/docs/iam/api-keys: SK and 32 hex (detect-secrets has the same, without the borders)
    _token("twilio-api-key", r"SK[0-9a-f]{32}" + _END, "sk"),
    # developer.squareup.com: access token and application secret
    _token("square-secret", r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,}", "sq0"),
    # core.telegram.org/bots/api#authorizing-your-bot; without the word "telegram" that gitleaks wants
    _token("telegram-bot-token", r"\d{8,10}:AA[A-Za-z0-9_-]{33}" + _END, ":aa"),
    # discord.com/developers/docs/reference#authentication, the shape as in detect-secrets
    _token(
        "discord-bot-token",
        r"[MNO][A-Za-z\d_-]{23,25}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,38}" + _END,
        "discord",
    ),
    # mailchimp.com/developer: 32 hex and the data centre; without the word "mailchimp"
    _token("mailchimp-api-key", r"[0-9a-f]{32}-us\d{1,2}" + _END, "-us"),
    # tailscale.com/kb/1085, supabase.com/docs/guides/api
    _token("tailscale-key", r"tskey-[a-z]+-[A-Za-z0-9]{8,}-[A-Za-z0-9]{16,}", "tskey-"),
    _token("supabase-token", r"(?:sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,})" + _END, "sbp_", "sb_secret_"),
    # developer.hashicorp.com/vault: service tokens; gitleaks also matches `s.` and any 24 letters: a method
    _token("vault-token", r"hvs\.[A-Za-z0-9_-]{24,}", "hvs."),
    # learn.microsoft.com: storage connection string; client secrets of Entra ID
    _Rule("azure-storage-key", r"(?i:AccountKey=)(?P<secret>[A-Za-z0-9+/]{86}==)", "accountkey="),
    _Rule("azure-client-secret", r"(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}", "q~"),
    # docs.aws.amazon.com, IAM identifiers; gitleaks wants base 32, which older keys and examples are not
    _token("aws-access-token", r"(?:AKIA|ASIA)[A-Z0-9]{16}" + _END, "akia", "asia"),
    # docs.aws.amazon.com and help.aliyun.com: the secret half of a pair has no mark except its long name
    _Rule(
        "aws-secret-key",
        r"(?i:aws_?secret_?(?:access_?)?key)['\"]?\s{0,3}[=:]\s{0,3}['\"]?"
        r"(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
        "secret",
    ),
    _Rule(
        "alibaba-secret-key",
        r"(?i:access_?key_?secret)['\"]?\s{0,3}[=:]\s{0,3}['\"]?(?P<secret>[A-Za-z0-9]{30})(?![A-Za-z0-9])",
        "secret",
    ),
    # RFC 7519: three parts in URL-safe base64, the first two JSON objects (`{"` is eyJ); Qdrant Cloud's keys
    _token("json-web-token", r"eyJ[A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,}", "eyj"),
    # RFC 7468, RFC 4880: the whole block, or as far as its base64 goes
    _Rule(
        "private-key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        # no possessive repetition: before 3.11.5 Python matches nested ones wrongly
        r"(?:[^-]*(?:-(?!----)[^-]*)*-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"|(?:(?:\s|\\[nr]){0,8}[A-Za-z0-9+/=]{16,}+)+)",
        "private key",
    ),
    # RFC 3986, 3.2.1: the password in a URL, unless it is a placeholder ($PASS, ${pass}, {pass}, %s, ***)
    _Rule(
        "url-password",
        r"://[^\s/:@'\"<>]{0,100}:(?!\$\{|\$[A-Z_]+@|\{|\*+@|%s@|%\(|\[redacted: )"
        r"(?P<secret>[^\s/'\"<>]{1,200})@(?=[A-Za-z0-9\[{$])",
        "://",
    ),
)

# Ids of gitleaks' rules that are left out, with the reason.
_LEFT_OUT = {
    "curl-auth-header": "any header of a curl command; scans across lines",
    "curl-auth-user": "the same",
    "kubernetes-secret-yaml": "any value under `data:`; scans across lines",
    "nuget-config-password": "any value of an attribute",
    "freemius-secret-key": "any value of a variable `secret_key`",
    "square-access-token": "EAAA and 22 more: common in base64 pictures; `_OWN` has the marked form",
    "sourcegraph-access-token": "matches any commit hash in a text that mentions Sourcegraph",
    "twilio-api-key": "has no borders; in `_OWN`",
    "vault-service-token": "matches method calls; in `_OWN`",
    "azure-ad-client-secret": "matches neighbouring text too; in `_OWN`",
    "jwt": "in `_OWN`, in time linear in the text",
    "jwt-base64": "a token encoded twice",
    "private-key": "in `_OWN`, including truncated ones",
    "sidekiq-sensitive-url": "covered by url-password",
}
_ANY_VALUE = "[\\w.-]{0,50}?"  # how gitleaks' rules for any value near a vendor's name start
# What those rules require after a token; in prose a comma, a bracket or a Chinese character may follow.
_ENDS = (r"""(?:[\x60'"\s;]|\\[nr]|$)""", r"(?:[^\w-]|\z)", r"(?:[^a-zA-Z0-9+/]|\z)")


@cache
def _rules() -> tuple[_Rule, ...]:
    """Return all rules, ours first: if both match, ours name the kind."""
    import tomllib

    spec = find_spec("secretscreen")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            "secretscreen is not installed: its list of credential patterns is needed; pip install secretscreen"
        )
    listed = tomllib.loads((Path(spec.submodule_search_locations[0]) / "gitleaks.toml").read_text(encoding="utf-8"))
    return _OWN + tuple(
        _from_gitleaks(rule["id"], rule["regex"], rule["keywords"])
        for rule in listed["rules"]
        if rule["id"] not in _LEFT_OUT
        and rule.get("keywords")
        and not rule.get("regex", _ANY_VALUE).removeprefix("(?i)").startswith(_ANY_VALUE)
    )


def _from_gitleaks(kind: str, pattern: str, keywords: list[str]) -> _Rule:
    """Convert a rule from Go's regular expressions to Python's, with borders that suit prose."""
    flags = re.IGNORECASE if "(?i)" in pattern else 0  # Python accepts it for the whole pattern only
    pattern = pattern.replace("(?i)", "")
    for end in _ENDS:
        pattern = pattern.removesuffix(end)
    return _Rule(kind, f"{pattern}{_END}" if pattern.startswith(r"\b") else pattern, *keywords, flags=flags)


def _suspicious(text: str) -> bool:
    return _LONG_RUN.search(text) is not None or ("://" in text and "@" in text)


def _matches(text: str) -> Iterator[_Span]:
    lowered = text.lower()
    for rule in _rules():
        for keyword in rule.keywords:
            if keyword in lowered:
                yield from rule.spans(text)
                break


def _merged(spans: list[_Span]) -> list[_Span]:
    """Join overlapping spans; the first one names the kind."""
    merged: list[_Span] = []
    for span in spans:
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _replace(text: str, spans: list[_Span]) -> str:
    pieces: list[str] = []
    at = 0
    for span in spans:
        pieces += (text[at : span.start], f"[redacted: {span.kind}]")
        at = span.end
    return "".join((*pieces, text[at:]))
