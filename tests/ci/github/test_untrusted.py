"""What strangers write cannot notify, refer, load, imitate our marker, or be endless."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci.github.plan_comment import MARKER
from ci.github.untrusted import MOST_CHARACTERS, harmless


def test_a_plan_of_our_own_stays_as_it_is() -> None:
    picture = '```mermaid\na["<b>x</b><br/>y"] --> b\n```'
    plan = f"## render\n\n<details><summary>3 resources</summary>\n\n{picture}\n\n</details>\n| a | b |\n"

    assert harmless(plan) == plan


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("@octocat and @org/team", r"@[A-Za-z]"),
        ("fixes #12, GH-12 and ours/claude-memory#12", r"#\d|GH-\d"),
        (MARKER, "<!--"),
        (f"<!<!-- -->-- {MARKER[5:]}", "<!--"),
        ("<img src=https://example.org/pixel>", "<img"),
        ("<a href=https://example.org>", "<a"),
        ("<details open><summary onclick=x>", "<details open|<summary onclick"),
        ("![pixel](https://example.org/pixel)", r"!\["),
        ("\u202etxt.exe", "\u202e"),
        ("a\x00b\x1b[31m", "[\x00\x1b]"),
        (r"gh-12 and GH\-12, \#12", r"(?i)gh\\?-\d|#\d"),
        ("https://github.com/ours/claude-memory/issues/12#issuecomment-1", r"issues/\d"),
        ("[x](https://github.com/ours/claude-memory/pull/12/files)", r"pull/\d"),
        (r"[x](https://github.com/ours/claude-memory/PULL\/12)", r"(?i)pull\\?/\d"),
        ("https://github.com/ours/claude-memory/discussions/%312", r"discussions/%3"),
    ],
)
def test_what_would_act_on_readers_is_broken(text: str, seen: str) -> None:
    assert re.search(seen, text)
    assert not re.search(seen, harmless(text))


@pytest.mark.parametrize(
    "text",
    [
        "&#x40;octocat",
        "&#X40;octocat",
        "&#64;octocat",
        "&#0064;octocat",
        "&commat;octocat",
        "fixes &num;12",
        "fixes &#35;12",
        "fixes #&#49;2",
        "GH&hyphen;12 and GH&#45;12",
        "&#71;H-12",
        "https://github.com/ours/claude-memory/issues&sol;12",
        "https://github.com/ours/claude-memory/pull/&#49;2",
        "&&#35;64;octocat",
    ],
)
def test_what_an_entity_stands_for_is_not_put_in_its_place(text: str) -> None:
    assert html.unescape(text) != text

    assert html.unescape(harmless(text)) == harmless(text)


def test_entities_that_a_table_of_ours_needs_stay() -> None:
    assert harmless("| a &lt;b&gt; &amp; &quot;c&quot; |") == "| a &lt;b&gt; &amp; &quot;c&quot; |"


@pytest.mark.parametrize(
    ("opened", "closed"),
    [
        ("<details><summary>3 resources</summary>\n\n```text\n", "\n```\n\n</details>"),
        ("<details>\n<details>\n", "\n\n\n</details>\n\n</details>"),
        ("<details>\n</details>\n", "\n"),
        ("```\n<details>\n", "\n```"),
    ],
)
def test_a_cut_leaves_nothing_open(opened: str, closed: str) -> None:
    text = harmless(opened + "a line of the plan\n" * 10_000)

    assert len(text) <= MOST_CHARACTERS
    assert text.endswith(
        f"a line of the plan{closed}\n\n*The rest is cut off here; the job's artifact has all of it.*\n"
    )


def test_a_text_that_opens_without_end_fits_all_the_same() -> None:
    text = harmless("<details>\n" * 10_000)

    assert len(text) <= MOST_CHARACTERS
    assert text.count("<details>") == text.count("</details>") > 0


def test_a_long_text_ends_at_a_line_says_so_and_closes_its_block_of_code() -> None:
    text = harmless("```\n" + "a line of the plan\n" * 10_000)

    assert len(text) <= MOST_CHARACTERS
    assert text.count("```") == 2
    assert text.endswith("a line of the plan\n```\n\n*The rest is cut off here; the job's artifact has all of it.*\n")


@given(st.text(alphabet="@#<>!-[]`~\n a1", max_size=400))
def test_whatever_it_is_it_fits_and_our_marker_is_not_in_it(text: str) -> None:
    made = harmless(text, 300)

    assert len(made) <= 300 or len(harmless(text)) <= 300
    assert "<!--" not in made
    assert not re.search("@[a1]", made)
