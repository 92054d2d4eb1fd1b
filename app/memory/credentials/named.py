"""Credentials by the name of what they are assigned to: `DB_PASSWORD=`, `"api_key": `, `Authorization: `, `?sig=`.

A name alone says little: most of what stands after "token:" in prose and code is none. So a value must look generated
(judging.py), or, after a name of passwords, chosen with care.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.memory.credentials.judging import (
    is_example,
    is_name_and_password,
    is_uuid,
    looks_chosen,
    looks_random,
    speaks_of_itself,
)
from app.memory.credentials.scanning import Found, found

_V = r"[!#$%*+./0-9?@A-Z^_a-z~-]"  # what a value consists of: nothing that separates or encloses

# What has a digit or a capital within a word, and is long enough: names are looked at where such a value follows, which
# is rare.
_GENERATED = (
    rf"(?={_V}{{6}})"
    r"(?=[!#$%*+./?@A-Z^_a-z~-]{0,40}+[0-9]"
    r"|[!#$%*+./?@A-Z^_~-]{0,40}+[!#$%*+./?@^_a-z~-]{1,40}+(?<=[a-z])[A-Z])"
)
# One for each: a pattern that begins with one character is searched quickest.
_SEPARATORS = tuple(
    (first, re.compile(first + r"""[>=]?+["'`]?+[ \t]{0,4}+\\?+["'`\[]{0,2}+""" + _GENERATED)) for first in ":=>"
)
_CHINESE_SEPARATOR = re.compile(r"""[：是为][ \t]?+["'`“「]?+""" + _GENERATED)
_ARGUMENT = re.compile(r"""["'],[ ]?+["']""" + _GENERATED)
_CLOSING = " \t\"'`]\\"  # between a name and its separator
_NAME_CHARACTERS = 64
_NAME = re.compile(r"(?<![\w.-])[\w.-]+\Z", re.ASCII)
# `name: DB_PASSWORD` and a line further `value:`, as in manifests; `key="ApiKey" value=`, as in XML
_NAMED_VALUE = re.compile(
    r"""(?:name|key|Name|Key)["']?\s{0,3}[:=]\s{0,3}["']?(?P<name>[\w.-]{1,64})"""
    r"""["']?[,\s]{1,40}["']?[Vv]alue["']?[ \t]{0,3}\Z"""
)
_NAMED_CHARACTERS = 140
_VALUE = re.compile(_V + r"{6,20000}={0,2}")
_REST = re.compile(rf"(?:{_V}|[=:])*")
_TRAILING = ".:!?"

# Ends of names, in lower case and with underscores.
_PASSWORDS = ("password", "passwd", "passphrase", "passcode", "pwd", "_pass", ".pass", "_pw", "密码", "口令")
_SECRETS = (
    *("secret", "token", "credential", "credentials", "密钥", "令牌", "私钥", "_pat", "_jwt", "_dsn", "_creds", "_sk"),
    *("secret_key_base", "client_key_data", "auth_cookie", "access_key", "accesskey", "account_key", "accountkey"),
    *("admin_key", "api_key", "apikey", "app_key", "appkey", "auth_key", "authkey", "deploy_key", "encryption_key"),
    *("encryptionkey", "hmac_key", "ingest_key", "integration_key", "licence_key", "license_key", "licensekey"),
    *(
        "master_key",
        "masterkey",
        "preshared_key",
        "presharedkey",
        "private_key",
        "privatekey",
        "secret_key",
        "secretkey",
    ),
    *("security_key", "server_key", "service_key", "session_key", "signing_key", "signingkey", "storage_key"),
    *("webhook_key", "write_key", "sas_key", "aeskey", "aes_key", "enc_key", "token_key"),
)
_OF_VENDORS = {
    "secret_access_key": "aws-secret-key",
    "access_key_secret": "alibaba-secret-key",
    "accesskeysecret": "alibaba-secret-key",
    "accountkey": "azure-storage-key",
}
_COOKIES = ("sessionid", "session_id", "sessid", "sid", "session", "_auth", "_sess")
_PARAMETERS = {"key", "sig", "signature", "sign", "code", "auth", "pass", "x_amz_signature", "x_goog_signature"}
_ENDS = (*_PASSWORDS, *_SECRETS, *_COOKIES, "key", "sig", "signature", "sign", "code", "auth", "pass")
_LAST_TWO = {end[-2:] for end in _ENDS}
_NO_SECRET = re.compile(
    r"(?:^|[_.])(?:public|publishable|pub|csrf|xsrf|sort|partition|primary|foreign|cache|dedup|idempotency|site|row|hash)"
    r"(?=_|key|token)|(?:page|next|sync|continuation|cursor)_?token|_id$"
)
_PATH = re.compile(r"[/.~@%#]|[A-Za-z]:\\|[a-z]{2,10}/[a-z]")


def assigned(text: str) -> Iterator[Found]:
    """Yield the values that names of credentials stand before."""
    for first, separator in _SEPARATORS:
        if first in text:
            yield from _after(separator, text)
    if not text.isascii():
        yield from _after(_CHINESE_SEPARATOR, text)
    if '",' in text or "'," in text:
        yield from _after(_ARGUMENT, text)


def _after(separators: re.Pattern[str], text: str) -> Iterator[Found]:
    end = 0
    for separator in found(separators, text):
        at = separator.start()
        if at < end:
            continue
        name = text[max(0, at - _NAME_CHARACTERS) : at].rstrip(_CLOSING)
        lowered = name.lower().replace("-", "_").replace(" ", "_")
        if lowered.endswith("value") and (named := _NAMED_VALUE.search(text, max(0, at - _NAMED_CHARACTERS), at)):
            name = named["name"]
            lowered = name.lower().replace("-", "_")
        if lowered[-2:] not in _LAST_TWO or not lowered.endswith(_ENDS):
            continue
        value = _VALUE.match(text, separator.end())
        if value and (kind := _kind(name, lowered, text[at], value[0].rstrip(_TRAILING))):
            rest = _REST.match(text, value.end())
            end = rest.end() if rest else value.end()
            while text[end - 1] in ".:":
                end -= 1
            yield Found(value.start(), end, kind)


def _kind(name: str, lowered: str, separator: str, value: str) -> str | None:
    """Return the kind of a value, or None when it is no credential. lowered: the name as _ENDS are written."""
    if value[0] in "$%@":
        return None
    if lowered.endswith(_PASSWORDS):
        return "password" if _is_password(value) else None
    whole = _NAME.search(lowered)
    alone = whole[0] if whole else ""
    if alone.endswith("auth") and is_name_and_password(value):
        return "basic-credentials"
    uuid = is_uuid(value)
    if len(value) < 16 or not (uuid or looks_random(value)) or speaks_of_itself(value) or _NO_SECRET.search(alone):
        return None
    if lowered.endswith(_SECRETS) or name.endswith("_KEY"):
        if uuid and alone in ("token", "secret", "key"):
            return None
        return next((kind for end, kind in _OF_VENDORS.items() if lowered.endswith(end)), "named-secret")
    if uuid or separator != "=":
        return None
    if name[-len(alone) - 1 : -len(alone)] in ("?", "&", ";") and alone in _PARAMETERS:
        return "url-parameter"
    return "session-cookie" if alone.endswith(_COOKIES) else None


def _is_password(value: str) -> bool:
    random = len(value) >= 12 and looks_random(value, 3)
    return (random or (looks_chosen(value) and not _PATH.match(value))) and not speaks_of_itself(value)


# RFC 9110, 11.6.2: a scheme, then one token or a list of parameters.
_HEADERS = tuple(
    (
        name,
        re.compile(
            name + r"""\\?+["'`\]]?+[ \t]{0,3}+(?::|=>|=|,)[ \t]{0,3}+[\[(]?+\\?+(?P<open>["'`]?+)(?=[^\s"'`]{2})"""
        ),
    )
    for name in ("uthorization", "UTHORIZATION")
)
_LONGEST_HEADER = 2_000
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,40}(?:[ \t]+|%20)")
_TOKEN = re.compile(r"[!#%*+./0-9:?@A-Z^_a-z~=|-]{6,4000}")
_PARAMETERS_OF_SCHEME = re.compile(r"[A-Za-z][\w-]{0,40}=[\"\\\w]")
_DIGIT = re.compile(r"[0-9]")


def headers(text: str) -> Iterator[Found]:
    """Yield the credentials of `Authorization` headers, however they are written: raw, JSON, code, a command."""
    for name, pattern in _HEADERS:
        if name in text:
            yield from _after_header(pattern, text)


def _after_header(pattern: re.Pattern[str], text: str) -> Iterator[Found]:
    for header in found(pattern, text):
        at = header.end()
        scheme = _SCHEME.match(text, at)
        if scheme:
            at = scheme.end()
        if scheme and _PARAMETERS_OF_SCHEME.match(text, at):
            end = _end_of_parameters(text, at, header["open"])
            value = text[at:end]
            if len(value) >= 16 and _DIGIT.search(value) and not is_example(value):
                yield Found(at, end, "authorization")
        elif (token := _TOKEN.match(text, at)) and _is_credential(scheme[0] if scheme else "", token[0]):
            yield Found(at, token.end(), "authorization")


def _end_of_parameters(text: str, at: int, quote: str) -> int:
    """Return where the quote ends that a header began with, or its line."""
    end = text.find(quote or "\n", at, at + _LONGEST_HEADER)
    return end if end != -1 else min(len(text), at + _LONGEST_HEADER)


def _is_credential(scheme: str, value: str) -> bool:
    if scheme.strip().lower() == "basic" and is_name_and_password(value):
        return True
    return len(value) >= 8 and _DIGIT.search(value) is not None and not speaks_of_itself(value)
