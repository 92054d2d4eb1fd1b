"""Reads arguments in the forms in which clients send them, before the request models check them.

Clients and the models behind them send lists, objects, numbers and truth values as text, null for what is not given,
and arguments of their own beside ours. Each form here can mean only one thing; everything else reaches the model as it
was sent, which refuses it by name. Our own names misspelt are refused there too, because what was meant is lost.

Lists and objects as text: Claude Code (anthropics/claude-code#22394, #59227). Null for what is not given: LibreChat
(danny-avila/LibreChat#11905), CrewAI (ZenRows/zenrows-mcp#23). The text "null" for it: Claude Code
(anthropics/claude-code#95239). An empty text for it: clients of OpenAI's strict mode (moltis-org/moltis#283). An empty
list for an empty object: PHP (modelcontextprotocol/php-sdk#284). An empty text for no arguments: models that stream
none (cloudwego/eino-ext#950). All arguments in one of their own: Semantic Kernel (microsoft/simplechat#1163).
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from app.memory.json_values import LEAST_BYTES, is_too_much
from app.memory.types import MESSAGES_LIMIT

logger = logging.getLogger(__name__)

# What clients add to every call, and who does. Names that begin with an underscore are always a client's own.
STRANGERS = {
    "toolCallId": "n8n, https://github.com/n8n-io/n8n/issues/21500",
    "sessionId": "n8n, https://github.com/n8n-io/n8n/issues/22787",
    "action": "n8n, the same",
    "chatInput": "n8n, the same",
    "tool": "n8n, https://github.com/n8n-io/n8n/pull/35067",
    "tool_call_id": "LangChain's name of the same",
    "task_progress": "Cline, https://github.com/cline/cline/issues/10426",
    "wait_for_previous": "Gemini CLI, https://github.com/MemPalace/mempalace/pull/322",
    "waitForPreviousTools": "Antigravity, of the same family",
    "toolAction": "Antigravity",
    "toolSummary": "Antigravity",
    "security_risk": "OpenHands, which asks its models for it",
    "random_string": "Cursor, for tools without a required argument",
}

# n8n adds it beside others of its own. Alone it may be a model's word for a conversation, so where arguments select
# what is changed or deleted it is passed over beside those only.
_ONLY_BESIDE = {"sessionId": frozenset({"toolCallId", "action", "chatInput", "tool"})}
# Each holds all arguments, when it is the only one that is not a client's own.
_WRAPPERS = frozenset(("kwargs", "arguments", "args", "input", "params", "parameters"))

_JSON_LIMIT_CHARACTERS = 10_000_000  # longer text is left as it is
_NAMES_LIMIT_CHARACTERS = 100_000  # the same for a text of names: 1,000 ids have less than half of it
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
_NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})")
_TRUTH = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False, "1": True, "0": False}
_UNKNOWN_NAMED = 10  # a refusal names the first few
_QUOTED = re.compile(r"""\s*(?:'([^'\\]*)'|"([^"\\]*)")\s*(,|\Z)""")  # a name in a list as Python writes it

Form = Callable[[Any], Any]


class _Absent:
    """Stands for an argument that counts as not given."""


_ABSENT = _Absent()


def as_meant(request: type[BaseModel], arguments: Any, *, blank_is_absent: bool) -> Any:
    """Return arguments in the form that the request takes; what can mean more than one thing stays as it is.

    blank_is_absent: whether an empty text for an argument that may be left out means that it is.
    """
    given = object_as_meant(arguments)
    if not isinstance(given, dict):
        return arguments
    meant: dict[str, Any] = {}
    unknown = 0
    for name, value in given.items():
        if (field := request.model_fields.get(name)) is None:
            if is_stranger(name, given, selects=not blank_is_absent):
                logger.debug("an argument of the client's own was passed over", extra={"fields": {"argument": name}})
            elif (unknown := unknown + 1) <= _UNKNOWN_NAMED:  # one is enough to refuse the call
                meant[name] = value
            continue
        annotation = cast("Any", field.annotation)
        may_be_absent = blank_is_absent and not field.is_required()
        blank = may_be_absent and _is_blank(value, annotation)
        read = _ABSENT if value is None or blank else _form(annotation)(value)
        if may_be_absent and field.default is None and _is_list(annotation) and _holds_nothing(read):
            read = _ABSENT
        if read is not _ABSENT:
            meant[name] = read
    return meant


def object_as_meant(arguments: Any) -> Any:
    """Return the arguments of a tool as the object that they are meant to be, also as JSON text or nothing at all."""
    if arguments is None or arguments == [] or (isinstance(arguments, str) and not arguments.strip()):
        return {}
    given = _unquoted(arguments, dict)
    if isinstance(given, dict):
        ours = [name for name in given if not is_stranger(name, given, selects=True)]
        if len(ours) == 1 and ours[0] in _WRAPPERS:
            inner = _unquoted(given[ours[0]], dict)
            return inner if isinstance(inner, dict) else given
    return given


def texts_as_meant(arguments: Any) -> Any:
    """Return the arguments of a prompt, which are all texts: without null and without the client's own."""
    given = object_as_meant(arguments)
    if not isinstance(given, dict):
        return arguments
    return {
        name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for name, value in given.items()
        if value is not None and not is_stranger(name, given, selects=False)
    }


def is_stranger(name: str, given: Iterable[str], *, selects: bool) -> bool:
    """Whether an argument is one that clients add for themselves.

    given: the names of all. selects: whether arguments select what is changed or deleted.
    """
    if selects and (beside := _ONLY_BESIDE.get(name)) is not None:
        return not beside.isdisjoint(given)
    return name in STRANGERS or name.startswith("_")


def _holds_nothing(names: Any) -> bool:
    """Whether a filter is a list without any name: no search means to find nothing."""
    return isinstance(names, list) and names in ([], [""])


def _is_blank(value: Any, annotation: Any) -> bool:
    """Whether a value stands for none. `null` can be a text, so it counts only where no text is taken."""
    if value == ["null"]:
        value = "null"
    return isinstance(value, str) and (not value.strip() or (value.strip() == "null" and not _takes_text(annotation)))


@cache
def _takes_text(annotation: Any) -> bool:
    """Whether a value of a type is any text, or a list of such."""
    if get_origin(annotation) in (Annotated, Union, UnionType, list):
        return any(_takes_text(one) for one in get_args(annotation) if isinstance(one, type) or get_origin(one))
    return annotation is str


@cache
def _is_list(annotation: Any) -> bool:
    """Whether values of a type, or of one of several, are lists."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return any(_is_list(one) for one in get_args(annotation))
    return get_origin(annotation) is list


@cache
def _form(annotation: Any) -> Form:
    """Return how values of a type are read."""
    origin, parameters = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _form(parameters[0])
    if origin in (Union, UnionType):
        inner = [one for one in parameters if one is not NoneType]
        return _form(inner[0]) if len(inner) == 1 else _same
    if origin is list:
        return _list_of(parameters[0])
    if origin is dict:
        return lambda value: {} if value == [] else _unquoted(value, dict)
    if not isinstance(annotation, type):
        return _same
    if issubclass(annotation, BaseModel):
        return lambda value: as_meant(annotation, value, blank_is_absent=True)
    if issubclass(annotation, StrEnum):
        return lambda value: _member(annotation, value)
    return {str: _text, bool: _truth, int: _whole, float: _number, UUID: _id}.get(annotation, _same)


def _same(value: Any) -> Any:
    return value


def _id(value: Any) -> Any:
    text = _plain_text(value)
    return value if text is None else text


def _text(value: Any) -> Any:
    """Return the text of content blocks, as model APIs write messages, if all are texts."""
    blocks = [value] if isinstance(value, dict) else value
    if not isinstance(blocks, list) or not blocks:
        return value
    texts = [one["text"] for one in blocks if isinstance(one, dict) and one.get("type") == "text" and "text" in one]
    whole = len(texts) == len(blocks) and all(isinstance(text, str) for text in texts)
    return "\n\n".join(texts) if whole else value


def _list_of(item: Any) -> Form:
    """Return how a list is read: one value alone is a list of one, and names in a text are separated by commas."""
    read, of_objects = _form(item), _is_object(item)

    def form(value: Any) -> Any:
        values = _unquoted(value, list)
        if of_objects:
            values = _unquoted(values, dict)
            values = [values] if isinstance(values, dict) else values
        elif isinstance(values, str):
            values = _names(_unquoted(values, str))
        if not isinstance(values, list):
            return value
        if len(values) > MESSAGES_LIMIT:  # no list may be as long: it is refused for that, whatever it holds
            return values
        # What holds nothing but nulls and commas is no empty list: that one would take a memory's tags away.
        return [read(one) for one in values if one is not None or of_objects] or (value if values else [])

    return form


def _is_object(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _names(text: str) -> Any:
    """Return the names in a text: a list as Python writes it, or names separated by commas."""
    if len(text) > _NAMES_LIMIT_CHARACTERS:
        return text
    stripped = text.strip()
    if stripped.startswith("["):
        return _quoted_names(stripped[1:-1]) if stripped.endswith("]") else text
    return [name for part in text.split(",") if (name := part.strip())] or text


def _quoted_names(text: str) -> list[str] | None:
    names: list[str] = []
    at = 0
    while at < len(text):
        if (found := _QUOTED.match(text, at)) is None:
            return None
        names.append(found[1] if found[1] is not None else found[2])
        at = found.end()
    return names


def _unquoted(value: Any, wanted: type) -> Any:
    """Return what a JSON text holds if it is of the wanted type, the value itself otherwise. Twice quoted counts."""
    read = value
    for _ in range(2):
        if not isinstance(read, str) or len(read) > _JSON_LIMIT_CHARACTERS or read.lstrip()[:1] not in ("[", "{", '"'):
            break
        if len(read) > LEAST_BYTES and is_too_much(read.encode("utf-8", "surrogatepass")):
            return value
        try:
            read = json.loads(read, strict=False)  # a model writes line ends as they are
        except (ValueError, RecursionError):
            return value
    return read if isinstance(read, wanted) else value


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():  # JSON Schema: 5.0 is an integer
        return int(value)
    text = _plain_text(value)
    return int(text.partition(".")[0]) if text is not None and _WHOLE.fullmatch(text) else value


def _number(value: Any) -> Any:
    text = _plain_text(value)
    return float(text) if text is not None and _NUMBER.fullmatch(text) else value


def _truth(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool) and value in (0, 1):
        return bool(value)
    text = _plain_text(value)
    return value if text is None else _TRUTH.get(text.lower(), value)


def _member(kind: type[StrEnum], value: Any) -> Any:
    text = _plain_text(value)
    return value if text is None else {str(one): one for one in kind}.get(text.lower(), value)


def _plain_text(value: Any) -> str | None:
    """Return a short text without quotes and spaces around it; None for anything else."""
    return value.strip().strip("\"'").strip() if isinstance(value, str) and len(value) <= 100 else None
