"""Messages are told in their order, without those that a later line took back."""

from __future__ import annotations

from app.ops.importing.held_back import HeldBack


def held(messages: HeldBack) -> list[str]:
    return [row.message["content"] for row in messages]


def test_messages_come_in_their_order_without_those_that_were_dropped() -> None:
    with HeldBack() as messages:
        numbers = [messages.add(line, "c", {"content": text}) for line, text in enumerate("abcde", 1)]
        dropped = messages.drop(numbers[1]), messages.drop(numbers[1], numbers[3])

        assert dropped == (1, 1)
        assert held(messages) == ["a", "d", "e"]
        assert [(row.number, row.line, row.conversation) for row in messages] == [(0, 1, "c"), (3, 4, "c"), (4, 5, "c")]


def test_they_can_be_told_again_and_more_can_come() -> None:
    with HeldBack() as messages:
        messages.add(None, "c", {"content": "one\nline \u2028 \ufffd"})

        assert held(messages) == held(messages) == ["one\nline \u2028 \ufffd"]
        assert messages.count == 1
