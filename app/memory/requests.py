"""The requests that callers can make: one model per operation, which checks every argument first.

MCP tools receive these as arguments; import and the command line build them. So each rule is written once.
A field's description says what it accepts: models see it in the tools' schemas, and people see it in errors.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from app.errors import InvalidInput, shown
from app.memory.arguments import ClientId, Days, Flag, MemoryId, Metadata, Moment, Name, Query, Tags, Text
from app.memory.as_sent import as_meant
from app.memory.types import (
    EXPIRES_LIMIT_DAYS,
    MEMORIES_LIMIT,
    MESSAGES_LIMIT,
    METADATA_LIMIT_BYTES,
    METADATA_LIMIT_DEPTH,
    NAME_LIMIT_CHARACTERS,
    QUERY_LIMIT_CHARACTERS,
    RECENT_LIMIT,
    RESULTS_LIMIT,
    TAGS_LIMIT,
    TEXT_LIMIT_CHARACTERS,
    Kind,
    Order,
    RecallMode,
)

_PROBLEMS_SHOWN = 5
RECALL_TOKENS = (500, 8_000)  # bounds of recall_context's max_tokens

Kinds = Annotated[list[Kind], Field(fail_fast=True)]

_PROJECT = f"a project's name, up to {NAME_LIMIT_CHARACTERS} characters"
_KINDS = "one of " + ", ".join(Kind)
_TAGS = f"a list of up to {TAGS_LIMIT} tags of up to {NAME_LIMIT_CHARACTERS} characters"
_METADATA = f"a JSON object of up to {METADATA_LIMIT_BYTES:,} bytes, nested up to {METADATA_LIMIT_DEPTH} deep"
_DAYS = f"a number of days above 0, up to {EXPIRES_LIMIT_DAYS:,}; then the memory is deleted"
_DATE = (
    "an ISO 8601 date or date and time, such as 2026-05-08 or 2026-05-08T19:00:00-07:00; without an offset, in the"
    " server's time zone (TIMEZONE)"
)
_LIMIT = f"a whole number from 1 to {RESULTS_LIMIT}"
_ID = "the id of a memory, as search_memory returns it"
_FULL_TEXT = "true: long texts whole; false: of each the part that answers, marked excerpt"
_QUERY = f"a question or words to look for, 1 to {QUERY_LIMIT_CHARACTERS:,} characters"


class Request(BaseModel):
    """Base of all requests: it rejects unknown arguments instead of ignoring them."""

    # Built at first use: the server answers `initialize` before anyone sends arguments.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    # Whether an empty text for an argument that may be left out means that it is not given. Where arguments select
    # what is changed or deleted, leaving one out would select more.
    blank_is_absent: ClassVar[bool] = True


R = TypeVar("R", bound=Request)


class Memorize(Request):
    """Remember a text."""

    text: Text = Field(description=f"the text to remember, 1 to {TEXT_LIMIT_CHARACTERS:,} characters")
    kind: Kind = Field(Kind.NOTE, description=_KINDS)
    project: Name | None = Field(None, description=_PROJECT)
    tags: Tags = Field(default_factory=list, description=_TAGS)
    expires_in_days: Days | None = Field(None, description=_DAYS)
    metadata: Metadata = Field(default_factory=dict, description=_METADATA)


class Message(Request):
    """One message of a conversation."""

    role: Name = Field(description="who spoke: user, assistant, system, tool, …")
    content: Text = Field(description=f"what was said, 1 to {TEXT_LIMIT_CHARACTERS:,} characters")
    name: Name | None = Field(None, description="the speaker's name")
    time: Moment | None = Field(None, description=f"{_DATE}; its day is told as it was at that offset")
    id: ClientId | None = Field(
        None, description="the client's id of the message; a second message with the same id is not stored"
    )


class MemorizeConversation(Request):
    """Remember the messages of a conversation."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=MESSAGES_LIMIT, fail_fast=True)] = Field(
        description=f"1 to {MESSAGES_LIMIT:,} messages {{role, content, name?, time?, id?}} in their order"
    )
    conversation_id: ClientId | None = Field(
        None, description="the conversation to append to; without it, the content determines its id"
    )
    project: Name | None = Field(None, description=_PROJECT)
    title: Name | None = Field(None, description=f"a title, up to {NAME_LIMIT_CHARACTERS} characters")


class Search(Request):
    """Find memories."""

    query: Query = Field(description=_QUERY)
    limit: Annotated[int, Field(strict=True, ge=1, le=RESULTS_LIMIT)] = Field(10, description=_LIMIT)
    project: Name | None = Field(None, description=f"{_PROJECT}; without it, all projects")
    kinds: Kinds | None = Field(None, description=f"a list; each {_KINDS}")
    tags: Tags | None = Field(None, description=f"{_TAGS}; a memory must have all of them")
    role: Name | None = Field(None, description="who spoke: user, assistant, …")
    conversation_id: ClientId | None = Field(None, description="the id of a conversation")
    since: Moment | None = Field(None, description=f"{_DATE}; only what happened then or later")
    until: Moment | None = Field(None, description=f"{_DATE}; only what happened before then")
    max_tokens: Annotated[int, Field(strict=True, ge=50, le=100_000)] | None = Field(
        None, description="a whole number from 50 to 100,000: the longest reply, in tokens"
    )
    archived: Flag = Field(False, description="true: find archived memories only, which no other search finds")
    full_text: Flag = Field(False, description=_FULL_TEXT)
    explain: Flag = Field(
        False, description="true: with each score's parts, the words that matched, and which neighbours counted"
    )


class Recent(Request):
    """List the newest memories."""

    limit: Annotated[int, Field(strict=True, ge=1, le=RECENT_LIMIT)] = Field(
        20, description=f"a whole number from 1 to {RECENT_LIMIT}"
    )
    project: Name | None = Field(None, description=f"{_PROJECT}; without it, all projects")
    kinds: Kinds | None = Field(None, description=f"a list; each {_KINDS}")
    archived: Flag = Field(False, description="true: archived memories only; false: all others")
    skip: Annotated[int, Field(strict=True, ge=0, le=MEMORIES_LIMIT)] = Field(
        0, description="how many of the newest to leave out, as a reader of one page after another does"
    )


class Recall(Request):
    """Gather a context about a question."""

    query: Query = Field(description=_QUERY)
    mode: RecallMode = Field(RecallMode.BALANCED, description="one of " + ", ".join(RecallMode))
    max_tokens: Annotated[int, Field(strict=True, ge=RECALL_TOKENS[0], le=RECALL_TOKENS[1])] | None = Field(
        None,
        description=f"a whole number from {RECALL_TOKENS[0]} to {RECALL_TOKENS[1]:,}: the longest context, in tokens",
    )
    project: Name | None = Field(None, description=f"{_PROJECT}; without it, all projects")


class SearchAcrossProjects(Request):
    """Find memories in several projects at once."""

    query: Query = Field(description=_QUERY)
    projects: Annotated[list[Name], Field(min_length=1, max_length=100, fail_fast=True)] | None = Field(
        None, description="a list of 1 to 100 projects; without it, all"
    )
    limit: Annotated[int, Field(strict=True, ge=1, le=RESULTS_LIMIT)] = Field(10, description=_LIMIT)
    order: Order = Field(Order.SCORE, description="one of " + ", ".join(Order))
    full_text: Flag = Field(False, description=_FULL_TEXT)


class Update(Request):
    """Change a memory."""

    blank_is_absent = False

    id: MemoryId = Field(description=_ID)
    text: Text | None = Field(None, description="the new text, no longer than a single memory may be")
    kind: Kind | None = Field(None, description=_KINDS)
    tags: Tags | None = Field(None, description=f"{_TAGS}; they replace the present tags")
    metadata: Metadata | None = Field(None, description=f"{_METADATA}; it replaces the present metadata")
    expires_in_days: Days | None = Field(None, description=_DAYS)
    archived: Flag | None = Field(None, description="true: keep it, but no longer find it; false: find it again")
    project: Name | None = Field(
        None, description=f"{_PROJECT}, to which it moves; a message stays in its conversation's"
    )
    no_project: Flag | None = Field(None, description="true: it moves out of its project, into none")

    @model_validator(mode="after")
    def _moves_to_one_place(self) -> Self:
        if self.no_project and self.project is not None:
            raise PydanticCustomError("nothing", "either project or no_project, not both")
        return self

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.no_project and all(
            getattr(self, name) is None for name in type(self).model_fields if name not in ("id", "no_project")
        ):
            raise PydanticCustomError(
                "nothing",
                "at least one of text, kind, tags, metadata, expires_in_days, archived, project, no_project",
            )
        return self


class Forget(Request):
    """Delete memories."""

    blank_is_absent = False

    ids: Annotated[list[MemoryId], Field(min_length=1, max_length=1_000, fail_fast=True)] | None = Field(
        None, description="a list of 1 to 1,000 ids of memories"
    )
    conversation_id: ClientId | None = Field(None, description="the id of a conversation")
    project: Name | None = Field(None, description=_PROJECT)
    before: Moment | None = Field(None, description=f"{_DATE}; only what happened before then")
    dry_run: Flag = Field(False, description="true: count only, delete nothing")

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.ids is None and self.conversation_id is None and self.project is None and self.before is None:
            raise PydanticCustomError(
                "nothing",
                "at least one of ids, conversation_id, project, before; a memory must match all that are given",
            )
        return self


class StatsRequest(Request):
    """Count memories."""

    project: Name | None = Field(None, description=f"{_PROJECT}; without it, all projects")


class HealthRequest(Request):
    """Ask about the server's state."""

    detailed: Flag = Field(False, description="true: with numbers")


def checked(request: type[R], arguments: Any) -> R:
    """Return the request built from the arguments, in any form of app/memory/as_sent.py.

    Raises InvalidInput, which names each wrong argument.
    """
    try:
        return request.model_validate(as_meant(request, arguments, blank_is_absent=request.blank_is_absent))
    except ValidationError as error:
        raise _refusal(request, error) from None


def _refusal(request: type[Request], error: ValidationError) -> InvalidInput:
    problems = error.errors(include_url=False)[:_PROBLEMS_SHOWN]
    first, *others = (_invalid_input_arguments(request, problem) for problem in problems)
    refusal = InvalidInput(*first)
    if others:
        refusal.args = ("; ".join([str(refusal), *(str(InvalidInput(*other)) for other in others)]),)
    return refusal


def _invalid_input_arguments(request: type[Request], problem: Any) -> tuple[str, object, str]:
    """Return what InvalidInput takes: the argument, the value received, and the values it accepts."""
    extra = problem["type"] == "extra_forbidden"
    path = [
        part for part in problem["loc"] if isinstance(part, int) or extra or not part.startswith(("function-", "list["))
    ]
    argument = "".join(f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in path).lstrip(".")
    if extra:
        return (
            argument,
            problem["input"],
            f"no such argument: there are {', '.join(_model_at(request, path).model_fields)}",
        )
    if problem["type"] == "missing":
        return argument, _Nothing(), _accepted(request, path)
    if problem["type"] == "nothing":
        return "arguments", _Nothing(), problem["msg"]
    if not path:
        return "arguments", problem["input"], f"an object with {', '.join(request.model_fields)}"
    return argument, problem["input"], _accepted(request, path)


def _name(part: str) -> str:
    """Return an argument's name for a message; a caller can send any string as a name."""
    return part if part.isidentifier() and len(part) <= NAME_LIMIT_CHARACTERS else shown(part)


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


def _model_at(request: type[Request], path: list[Any]) -> type[Request]:
    return Message if len(path) > 1 and path[0] == "messages" else request


def _accepted(request: type[Request], path: list[Any]) -> str:
    """Return what the argument at a path accepts: the description of its field, or of the list that contains it."""
    model = _model_at(request, path)
    names = [part for part in path if isinstance(part, str)]
    field = model.model_fields.get(names[-1]) or request.model_fields.get(names[0])
    return (field.description if field else None) or "another value"
