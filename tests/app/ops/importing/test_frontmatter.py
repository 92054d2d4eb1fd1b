"""The head of a Markdown note."""

from __future__ import annotations

import pytest

from app.ops.importing.frontmatter import one, parted, several

NOTE = """---
title: "Tea: how to"
tags: [hot, 'green tea']
files:
  - a.py
  - b.py
metadata:
  type: user
empty:
---

# Tea
---
no fence
"""


def test_a_note_has_a_head_and_a_body() -> None:
    head, body = parted(NOTE)

    assert one(head, "title") == "Tea: how to"
    assert (several(head, "tags"), several(head, "files")) == (["hot", "green tea"], ["a.py", "b.py"])
    assert (one(head, "type"), one(head, "empty"), one(head, "missing")) == ("user", "", "")
    assert body == "\n# Tea\n---\nno fence\n"


@pytest.mark.parametrize("text", ["no head", "--- not a fence\ntitle: x\n", "---\nnever closed: x\n"])
def test_a_text_without_a_head_is_all_body(text: str) -> None:
    assert parted(text) == ({}, text)


def test_a_list_may_be_written_with_commas() -> None:
    assert several({"tags": "#hot, green tea,"}, "tags") == ["hot", "green tea"]


def test_what_is_no_yaml_is_read_as_it_looks() -> None:
    head, _ = parted("---\ntitle: Tea: how to\ndescription: [draft] of a plan\nname: @ada\na: *b\ntags: #tea\n---\n")

    assert head == {
        "title": "Tea: how to",
        "description": "[draft] of a plan",
        "name": "@ada",
        "a": "*b",
        "tags": "#tea",
    }


def test_a_text_may_stand_in_lines_of_its_own() -> None:
    head, _ = parted("---\ndescription: >-\n  how to\n  - or not to -\nkept: |\n  one\n\n  two\ntype: user\n---\n")

    assert head == {"description": "how to - or not to -", "kept": "one\n\ntwo", "type": "user"}


def test_a_long_list_costs_no_more_than_its_length() -> None:
    head, _ = parted("---\ntags:\n" + "- a\n" * 200_000 + "---\n")

    assert len(several(head, "tags")) == 200_000
