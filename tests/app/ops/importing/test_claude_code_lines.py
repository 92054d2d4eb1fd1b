"""What a line of a transcript says, and what it is to the tree."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import pytest

from app.ops.importing.branches import Line
from app.ops.importing.claude_code_lines import Asked, in_tree, queued, said

ANSWERED = 'User has answered your questions: "Which tea?"="Green, because of the taste". You can now continue.'
REFUSED = (
    "The user doesn't want to proceed with this tool use. The tool use was rejected. To tell you how to proceed, the "
    "user said:\nBoil the water first."
)


def line(kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "uuid": "u", "message": {"role": kind, "content": content}, **more}


def result(text: str, call: str = "t1", **more: Any) -> dict[str, Any]:
    return line("user", [{"type": "tool_result", "tool_use_id": call, "content": text, **more}])


def words(*lines: dict[str, Any]) -> list[tuple[str, str]]:
    asked, aside = Asked(), Counter[str]()
    return [(told.role, told.text) for one in lines for told in said(one, asked, aside)]


def attached(prompt: Any, **more: Any) -> dict[str, Any]:
    return {"type": "attachment", "uuid": "u", "attachment": {"type": "queued_command", "prompt": prompt, **more}}


QUESTION = line(
    "assistant",
    [
        {
            "type": "tool_use",
            "id": "t1",
            "name": "AskUserQuestion",
            "input": {"questions": [{"question": "Which tea?", "options": [{"label": "Green"}, {"label": "Black"}]}]},
        }
    ],
)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(result(ANSWERED), id="in the text"),
        pytest.param(
            {
                **result("answered"),
                "toolUseResult": {"questions": [], "answers": {"Which tea?": "Green, because of the taste"}},
            },
            id="in the result",
        ),
    ],
)
def test_a_question_of_claude_and_the_answer_are_told(answer: dict[str, Any]) -> None:
    assert words(QUESTION, answer) == [
        ("assistant", "Which tea? (Green / Black)"),
        ("user", "Green, because of the taste"),
    ]


def test_an_answer_with_quotes_in_it_is_told_as_it_stands() -> None:
    answer = result('Your questions have been answered: "Which tea?"="the "green" one"')

    assert words(QUESTION, answer)[1:] == [("user", '"Which tea?"="the "green" one"')]


def test_several_answers_come_each_with_its_question() -> None:
    answers = {"Which tea?": ["Green", "Black"], "How hot?": "80"}
    notes = {"How hot?": {"notes": "not more"}}
    answer = {**result("x"), "toolUseResult": {"questions": [], "answers": answers, "annotations": notes}}

    assert words(QUESTION, answer) == [
        ("assistant", "Which tea? (Green / Black)"),
        ("user", "Which tea? Green, Black\nHow hot? 80 (not more)"),
    ]


def test_the_output_of_another_tool_that_looks_like_an_answer_is_none() -> None:
    assert words(result(ANSWERED)) == []


def test_what_the_person_says_when_refusing_a_tool_is_told() -> None:
    denied = (
        "Permission for this tool use was denied. The user provided the following reason for the rejection: Not now."
    )
    noted = REFUSED + "\n\nNote: The user's next message may contain a correction."
    assert words(result(REFUSED, is_error=True)) == [("user", "Boil the water first.")]
    assert words(result(noted, is_error=True)) == [("user", "Boil the water first.")]
    assert words(result(denied, is_error=True)) == [("user", "Not now.")]
    assert words(result(REFUSED)) == []


@pytest.mark.parametrize(
    "attachment",
    [
        pytest.param(attached("and cups", commandMode="prompt"), id="prompt"),
        pytest.param(attached("and cups", commandMode="prompt", origin={"kind": "human"}), id="from a person"),
        pytest.param(attached([{"type": "text", "text": "and cups"}], commandMode="prompt"), id="blocks"),
        pytest.param(attached("and cups"), id="older versions"),
    ],
)
def test_a_prompt_typed_while_claude_works_is_told(attachment: dict[str, Any]) -> None:
    assert words(attachment) == [("user", "and cups")]


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(attached("done", commandMode="task-notification"), id="notification"),
        pytest.param(attached("done", commandMode="prompt", origin={"kind": "peer"}), id="another agent"),
        pytest.param(attached("done", commandMode="prompt", isMeta=True), id="meta"),
        pytest.param(attached("<task-notification>x</task-notification>", commandMode="prompt"), id="its text"),
        pytest.param({**attached("done", commandMode="prompt"), "isSidechain": True}, id="sub-agent"),
        pytest.param({"type": "attachment", "attachment": {"type": "file", "content": "x"}}, id="a file"),
        pytest.param(line("user", "done", origin={"kind": "task-notification"}), id="origin"),
        pytest.param(line("user", "done", promptSource="system"), id="prompt source"),
        pytest.param(line("user", "done", turnOrigin="peer"), id="turn origin"),
        pytest.param(line("user", "Implement the plan", planContent="# Plan"), id="a plan that was accepted"),
        pytest.param(line("user", "This session is being continued from a previous conversation"), id="no flag"),
        pytest.param(line("user", "summary", isCompactSummary=True), id="compaction"),
    ],
)
def test_what_the_program_and_other_agents_say_is_left_aside(program: dict[str, Any]) -> None:
    assert words(program) == []


def test_words_behind_a_command_of_the_program_itself_are_told() -> None:
    content = "<command-name>/compact</command-name>\n<command-args>keep the schema</command-args>"

    assert words({"type": "system", "subtype": "local_command", "content": content}) == [
        ("user", "/compact keep the schema")
    ]
    assert (
        words({"type": "system", "subtype": "local_command", "content": content.replace("keep the schema", "x")}) == []
    )


def test_what_is_left_aside_is_counted_by_its_name() -> None:
    aside = Counter[str]()
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "tool_use", "name": "Read"},
        {"type": "text", "text": "hi"},
    ]
    told = list(said(line("assistant", blocks), Asked(), aside)) + list(said(result("1,000 lines"), Asked(), aside))

    assert [one.text for one in told] == ["hi"]
    assert aside == {"thoughts": 1, "calls of tools": 1, "results of tools": 1}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (line("user", "hello"), Line.PROMPT),
        (line("user", "x", isMeta=True), Line.BESIDE),
        (line("user", "x", isCompactSummary=True), Line.OTHER),
        (line("user", "x", origin={"kind": "peer"}), Line.OTHER),
        (result("x"), Line.OTHER),
        (line("assistant", "x"), Line.OTHER),
        (attached("x"), Line.BESIDE),
    ],
)
def test_a_line_is_something_to_the_tree(given: dict[str, Any], kind: Line) -> None:
    assert in_tree(given) == kind


def test_a_line_about_the_queue_has_the_persons_words_or_none() -> None:
    assert queued({"operation": "enqueue", "content": "and cups"}) == "and cups"
    assert queued({"operation": "enqueue", "content": "<task-notification>x</task-notification>"}) is None
    assert queued({"operation": "dequeue"}) is None


BLANKS = " " * 300_000


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(
            result("Permission for this tool use was denied. the user said: " + f"x{BLANKS}" * 3, is_error=True)
        ),
        pytest.param(result(f"User has answered your questions: {f'x{BLANKS}' * 3}y")),
        pytest.param({"type": "system", "subtype": "local_command", "content": "<command-args>a b" * 50_000}),
    ],
)
def test_a_long_text_takes_no_more_than_its_length(one: dict[str, Any]) -> None:
    began = time.process_time()
    words(QUESTION, one)

    assert time.process_time() - began < 10  # the square of it takes many minutes
