from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory.analysis import analyse, analyse_question
from app.memory.cues import MonthCue


@pytest.mark.parametrize(
    ("question", "cue"),
    [
        pytest.param("What happened in March?", MonthCue(month=3), id="a month"),
        pytest.param("What happened in March 2023?", MonthCue(month=3, year=2023), id="month and year"),
        pytest.param("Where was she on 8 May 2023?", MonthCue(month=5, day=8, year=2023), id="day first"),
        pytest.param("Where was she on May 8th, 2023?", MonthCue(month=5, day=8, year=2023), id="day after"),
        pytest.param("Who came on the 2nd of July?", MonthCue(month=7), id="the 2nd of"),
        pytest.param("Who came on July 2nd?", MonthCue(month=7, day=2), id="ordinal"),
        pytest.param("What did he do on 2023-05-08?", MonthCue(month=5, day=8, year=2023), id="ISO day"),
        pytest.param("What about 2023-05?", MonthCue(month=5, year=2023), id="ISO month"),
        pytest.param("What about 2023/5/8?", MonthCue(month=5, day=8, year=2023), id="with slashes"),
        pytest.param("Did she go in May?", MonthCue(month=5), id="may after a preposition"),
        pytest.param("What may she like?", None, id="may, the verb"),
        pytest.param("May I ask what happened?", None, id="may, the verb, first"),
        pytest.param("What did Jan say?", None, id="Jan, the name"),
        pytest.param("What happened on 3 Jan?", MonthCue(month=1, day=3), id="Jan, the month"),
        pytest.param("What did we do in Sept 2024?", MonthCue(month=9, year=2024), id="Sept"),
        pytest.param("Which of 2023-24 and 2020-2021?", None, id="no dates"),
        pytest.param("What is in version 2023.05.08?", None, id="a version"),
        pytest.param("What happened last week?", None, id="no month"),
        pytest.param("5月7日发生了什么？", MonthCue(month=5, day=7), id="Chinese day"),
        pytest.param("2023年5月我们去了哪里？", MonthCue(month=5, year=2023), id="Chinese month and year"),
        pytest.param("2023年12月25號做了什麼？", MonthCue(month=12, day=25, year=2023), id="traditional"),
        pytest.param("十二月三十一日在哪里？", MonthCue(month=12, day=31), id="Chinese numerals"),
        pytest.param("五月二十日在哪里？", MonthCue(month=5, day=20), id="twenty"),
        pytest.param("三个月以后呢？", None, id="three months"),
        pytest.param("13月1日？", None, id="no such month"),
    ],
)
def test_a_question_names_a_month(question: str, cue: MonthCue | None) -> None:
    assert analyse_question(question).date == cue


@pytest.mark.parametrize(
    ("cue", "first"),
    [
        (MonthCue(month=5), date(2022, 5, 1)),
        (MonthCue(month=5, day=7), date(2022, 5, 7)),
        (MonthCue(month=5, year=2020), date(2020, 5, 1)),
        (MonthCue(month=2, day=30), None),
        (MonthCue(month=2, day=29), None),
    ],
)
def test_a_month_without_a_year_is_taken_in_the_year_given(cue: MonthCue, first: date | None) -> None:
    assert cue.first_day(2022) == first


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("When did she move?", True),
        ("How long has he been there?", True),
        ("What year was it?", True),
        ("Which day is the party?", True),
        ("In which month did they meet?", True),
        ("What time is it?", True),
        ("What did she do when it rained?", False),
        ("Whenever did", False),
        ("How much is it?", False),
        ("What timeline?", False),
        ("你什么时候搬家？", True),
        ("什麼時候開會？", True),
        ("会议几点开始？", True),
        ("哪天去的？", True),
        ("何时出发", True),
        ("你喜欢什么？", False),
        ("いつ行きますか", True),
    ],
)
def test_a_question_asks_for_a_time(question: str, asks: bool) -> None:
    assert analyse_question(question).asks_when is asks


@pytest.mark.parametrize(
    ("text", "tells"),
    [
        ("I went there last Friday", True),
        ("Two years ago", True),
        ("We leave tomorrow", True),
        ("It was in August", True),
        ("I like tea", False),
        ("The weekly report", False),
        ("我昨天去了", True),
        ("上週五見面", True),
        ("今年搬家", True),
        ("三个月前", True),
        ("我喜欢茶", False),
        ("年轻人喜欢月亮", False),
    ],
)
def test_a_text_tells_a_time(text: str, tells: bool) -> None:
    assert analyse(text).tells_time is tells


@given(st.text(st.sampled_from("0123456789年月日十一二三 -/may8thjn年号"), max_size=24))
def test_odd_dates_never_raise(text: str) -> None:
    cue = analyse_question(text).date

    assert cue is None or cue.first_day(2023) is None or 1 <= cue.month <= 12


@pytest.mark.parametrize(
    ("cue", "written"),
    [
        (MonthCue(month=5), "May"),
        (MonthCue(month=12, day=7), "7 December"),
        (MonthCue(month=3, year=2026), "March 2026"),
        (MonthCue(month=3, day=1, year=2026), "1 March 2026"),
    ],
)
def test_a_cue_can_be_read(cue: MonthCue, written: str) -> None:
    assert cue.written == written
