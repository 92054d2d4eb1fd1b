from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import analysis, folding
from app.memory.analysis import analyse, analyse_question, terms_among

ANY_TEXT = st.text(st.characters())  # lone surrogates and NULs included


def terms(text: str) -> set[int]:
    return set(analyse(text).terms)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("She adopted two puppies", "adopting a puppy, two", id="stems"),
        pytest.param("Caroline's GUITAR", "caroline guitar", id="possessive and case"),
        pytest.param("Caroline’s dog doesn’t", "caroline dog doesnt", id="typographic apostrophes"),
        pytest.param("ＦＵＬＬ　ｗｉｄｔｈ １２", "full width 12", id="full width"),
        pytest.param("café São Łódź straße", "cafe sao lodz strasse", id="accents"),
        pytest.param("ещё Москва", "еще москва", id="Cyrillic"),
        pytest.param("memory_store.py", "memory-store py", id="snake and kebab case"),
        pytest.param("memory_store.py", "memory store memorystore py", id="snake case and path"),
        pytest.param("GREENHouse", "green house greenhouse", id="humps"),
        pytest.param("the URLs", "url", id="the plural of an acronym"),
        pytest.param("L’olivier, dell'olio", "lolivier olivier, dellolio olio", id="elision"),
        pytest.param("O'Hara’s we're", "ohara hara were-", id="a name, possessive, and a contraction"),
        pytest.param("Ka\xadta\u200bstro\u2060phe", "katastrophe", id="invisible characters"),
        pytest.param("с\u0442о\u0301рож, ёлка, й", "сторож, елка, й", id="stress marks"),
        pytest.param("אָדָם", "אדם", id="Hebrew points"),
        pytest.param("إِلَى الـمَدْرَسَةِ", "الي المدرسه", id="Arabic vowel signs, letters, kashida"),
        pytest.param("کتاب فارسی", "كتاب فارسي", id="Persian letters"),
        pytest.param("می\u200cروم", "میروم", id="a joiner"),
        pytest.param("٣٫١٤ and ४२", "3.14 and 42", id="digits of other scripts"),
        pytest.param("2,750,000", "2.750.000", id="grouped digits"),
        pytest.param("2\u202f750\u202f000", "2 750 000", id="digits grouped by spaces"),
        pytest.param("👍🏿 🧑‍🚀 ❤️", "👍 🧑 🚀 ❤", id="tones, joined pictures, variants"),
        pytest.param("wow‼️ 〰️ #️⃣", "‼ 〰 wow #⃣", id="pictures that are punctuation"),
        pytest.param('צה"ל', "צה״ל", id="an acronym of Hebrew with quotes"),
        pytest.param("İzmir", "izmir", id="a Turkish capital"),
        pytest.param("चाय।", "चाय", id="the end of a sentence in Hindi"),
        pytest.param("Python 3.11", "python 3 11", id="version"),
        pytest.param("app/memory/ranking.py:42", "app memory ranking py 42", id="path with a line"),
        pytest.param("the a of to", "", id="stop words"),
        pytest.param("昨天我們去臺灣開會", "昨天我们去台湾开会", id="traditional Chinese"),
        pytest.param("ｶﾀｶﾅ", "カタカナ", id="half width kana"),
    ],
)
def test_what_means_the_same_word_has_the_same_terms(one: str, other: str) -> None:
    assert analyse(one).terms == analyse(other).terms


def test_chinese_becomes_characters_and_pairs_of_neighbours() -> None:
    assert len(analyse("北京大学").terms) == 4 + 3
    assert terms("北京") <= terms("我在北京大学")
    assert len(terms("京北") & terms("北京")) == 2, "the characters are shared, the pair is not"


def test_pairs_do_not_reach_over_punctuation_or_other_scripts() -> None:
    assert len(analyse("北，京").terms) == 2
    assert len(analyse("北X京").terms) == 3


@pytest.mark.parametrize(
    "text", ["สวัสดีครับ", "안녕하세요 세계", "こんにちは世界", "नमस्ते दुनिया", "مرحبا", "𠮷野家"], ids=ascii
)
def test_other_scripts_have_terms(text: str) -> None:
    assert analyse(text).terms
    assert terms(text) == set(analyse_question(text).terms)


def test_repeats_are_kept_and_the_order_of_words_is_not() -> None:
    assert analyse("piano violin piano").terms == analyse("piano piano violin").terms
    assert sorted(Counter(analyse("piano violin piano").terms).values()) == [1, 2]


def test_terms_are_the_same_in_every_process_and_for_ever() -> None:
    """They are stored: if this fails, raise ANALYSIS_VERSION and then mend the numbers."""
    texts = ["running", "北京", "café"]
    code = f"from app.memory.analysis import analyse; print([analyse(t).terms for t in {texts!r}])"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    assert other == repr([analyse(t).terms for t in texts])
    assert other == "[(727630522,), (72185319, 983844099, 1508077372), (1654018823,)]"


def test_the_folding_table_is_the_one_the_stored_terms_were_made_with() -> None:
    """When a newer one is copied, raise ANALYSIS_VERSION and then mend the digest."""
    table = repr(sorted(folding.simplified().items())).encode()

    assert hashlib.sha256(table).hexdigest()[:16] == "28ab1f94fcdbb7cd"


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Did you go?", True),
        ("Did you go?  \n", True),
        ("你去了吗？", True),
        ("هل ذهبت؟", True),
        ("Go! Did you?!", False),
        ("Yes.", False),
        ("", False),
    ],
)
def test_a_text_asks_when_it_ends_in_a_question_mark(text: str, asks: bool) -> None:
    assert analyse(text).asks is asks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one two three", 3),
        ("the cat's toy", 3),
        ("", 0),
        ("...", 0),
        ("今天天气很好", 4),
        ("用 Python 写", 2),
    ],
)
def test_length_is_in_words_and_one_and_a_half_characters_make_one(text: str, words: int) -> None:
    assert analyse(text).words == words


@given(ANY_TEXT)
def test_every_text_has_an_analysis(text: str) -> None:
    first = analyse(text)

    assert first == analyse(text)
    assert list(first.terms) == sorted(first.terms)
    assert all(0 < term < 2**31 for term in first.terms)
    assert first.words >= 0
    assert analyse_question(text).terms == tuple(sorted(set(first.terms)))


@given(
    st.lists(
        st.sampled_from(["pianos", "it's", "getUserName", "1,000,000", "1 000", "O'Brien", "北京", "naïve", "🍎", "\n"])
    ),
    st.sampled_from(["piano user 1000000 1000 brien 北京 naive 🍎", "name", "zebra", ""]),
)
def test_the_terms_among_others_are_those_of_the_analysis(words: list[str], wanted: str) -> None:
    text, looked_for = " ".join(words), frozenset(terms(wanted))

    assert terms_among(text, looked_for) == looked_for & terms(text)


@given(st.lists(st.sampled_from(["piano", "Violin", "it's", "北京", "3.11", "the", "naïve"]), max_size=8))
def test_the_order_of_the_words_changes_nothing(words: list[str]) -> None:
    assert analyse(" ".join(words)).terms == analyse(" ".join(reversed(words))).terms


def test_terms_of_one_text_are_bounded() -> None:
    assert len(analyse("北京" * 50_000).terms) == analysis.TERMS_LIMIT


def test_the_cache_of_words_is_bounded() -> None:
    analyse(" ".join(f"word{n}" for n in range(analysis.CACHED_WORDS + 1_000)))
    analyse("one more")

    assert len(analysis._tokens) < 100
