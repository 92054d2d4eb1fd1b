from __future__ import annotations

import hashlib
import subprocess
import sys
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import analysis, bm25
from app.memory.analysis import analyse, analyse_question, is_named
from app.memory.types import Corpus

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
        pytest.param("memory_store.py", "memory store py", id="snake case and path"),
        pytest.param("Python 3.11", "python 3 11", id="version"),
        pytest.param("app/memory/ranking.py:42", "app memory ranking py 42", id="path with a line"),
        pytest.param("the a of to", "", id="stop words"),
        pytest.param("昨天我們去臺灣開會", "昨天我们去台湾开会", id="traditional Chinese"),
        pytest.param("ｶﾀｶﾅ", "カタカナ", id="half width kana"),
        pytest.param("fox 🦊 fox", "fox fox", id="emoji"),
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
    """It comes with a package: when an update changes it, raise ANALYSIS_VERSION and then mend the digest."""
    table = repr(sorted(analysis._simplified().items())).encode()

    assert hashlib.sha256(table).hexdigest()[:16] == "28ab1f94fcdbb7cd"


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Did you go?", True),
        ("Did you go?  \n", True),
        ("你去了吗？", True),
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


@given(st.lists(st.sampled_from(["piano", "Violin", "it's", "北京", "3.11", "the", "naïve"]), max_size=8))
def test_the_order_of_the_words_changes_nothing(words: list[str]) -> None:
    assert analyse(" ".join(words)).terms == analyse(" ".join(reversed(words))).terms


def test_terms_of_one_text_are_bounded() -> None:
    assert len(analyse("北京" * 50_000).terms) == analysis.TERMS_LIMIT


def test_the_cache_of_words_is_bounded() -> None:
    analyse(" ".join(f"word{n}" for n in range(analysis.CACHED_WORDS + 1_000)))
    analyse("one more")

    assert len(analysis._numbers) < 100


def test_a_turn_is_analysed_in_well_under_forty_microseconds() -> None:
    turns = [
        f"Hey, I went hiking with Anna's dog number {n} last week, it was great fun and we saw a fox!"
        for n in range(500)
    ]
    best = min(_seconds(lambda: [analyse(turn) for turn in turns]) for _ in range(5))

    assert best / len(turns) < 40e-6


def _seconds(work: object) -> float:
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


@pytest.mark.parametrize(
    ("name", "question", "named"),
    [
        pytest.param("Maria", "What does Maria like?", True, id="a name"),
        pytest.param("Maria", "What is maria's dog called?", True, id="possessive"),
        pytest.param("Maria Lopez", "Who is Lopez?", True, id="a part of the name"),
        pytest.param("José", "Where did Jose go?", True, id="accents"),
        pytest.param("Ann", "Which planning tool?", False, id="inside a word"),
        pytest.param("The Boss", "What is the plan?", False, id="stop words name nobody"),
        pytest.param("王芳", "王芳喜欢什么？", True, id="Chinese"),
        pytest.param("陳偉", "陈伟住在哪里？", True, id="traditional name, simplified question"),
        pytest.param("芳", "芳香疗法是什么？", False, id="one Chinese character"),
        pytest.param("", "Anything?", False, id="empty"),
    ],
)
def test_a_question_names_a_speaker_by_a_word_of_the_name(name: str, question: str, named: bool) -> None:
    assert is_named(name, analyse_question(question)) is named


NOTES = [
    ("我每周三晚上在体育馆打羽毛球", "什么时候打羽毛球？", "什麼時候打羽毛球？"),
    ("生产数据库的备份保存在杭州的对象存储里", "数据库备份保存在哪里？", "數據庫備份保存在哪裡？"),
    ("女儿对花生过敏，聚餐时要提醒餐厅", "女儿对什么过敏？", "女兒對什麼過敏？"),
    ("新办公室在浦东新区张江路八号三楼", "新办公室在几楼？", "新辦公室在幾樓？"),
    ("王经理偏好用邮件沟通，不喜欢电话", "王经理喜欢怎么沟通？", "王經理喜歡怎麼溝通？"),
    ("我们决定前端使用框架而不是原生脚本", "前端决定使用什么框架？", "前端決定使用什麼框架？"),
    ("下个月去成都出差，顺便看大熊猫", "去哪里出差看大熊猫？", "去哪裡出差看大熊貓？"),
    ("车牌号码登记在物业，停车位是负二层三十六号", "停车位是几号？", "停車位是幾號？"),
    ("外婆的生日是农历八月十五", "外婆生日是哪天？", "外婆生日是哪天？"),
    ("咖啡机每两个月要除垢一次", "咖啡机多久除垢？", "咖啡機多久除垢？"),
    ("日志保留九十天后自动删除", "日志保留多少天？", "日誌保留多少天？"),
    ("健身教练建议每天摄入一百克蛋白质", "教练建议多少蛋白质？", "教練建議多少蛋白質？"),
    ("小猫叫豆豆，今年两岁，打过疫苗", "小猫叫什么名字？", "小貓叫什麼名字？"),
    ("服务器的监控告警发到钉钉群", "监控告警发到哪里？", "監控告警發到哪裡？"),
    ("书房的灯泡是暖白色，型号写在盒子上", "书房灯泡是什么颜色？", "書房燈泡是什麼顏色？"),
    ("合同由法务部的刘律师审核", "合同由谁审核？", "合同由誰審核？"),
    ("妈妈喜欢喝龙井茶，不喝红茶", "妈妈喜欢喝什么茶？", "媽媽喜歡喝什麼茶？"),
    ("自行车的钥匙放在玄关的抽屉", "自行车钥匙放在哪？", "自行車鑰匙放在哪？"),
    ("发布窗口是每周二上午十点", "发布窗口是什么时间？", "發布窗口是什麼時間？"),
    ("邻居老张会修水管，电话在通讯录", "谁会修水管？", "誰會修水管？"),
    ("牙医预约在下周五下午三点", "牙医预约在几点？", "牙醫預約在幾點？"),
    ("信用卡账单日是每月五号", "信用卡账单日是几号？", "信用卡帳單日是幾號？"),
    ("ｖｉｍ 的配置文件在家目录", "vim 配置文件在哪？", "vim 配置文件在哪？"),
    ("孩子的钢琴课改到了星期六早上", "钢琴课改到什么时候？", "鋼琴課改到什麼時候？"),
]


@pytest.mark.parametrize("which", [pytest.param(1, id="simplified"), pytest.param(2, id="traditional")])
def test_chinese_notes_are_found_by_their_words(which: int) -> None:
    own = [Counter(analyse(note[0]).terms) for note in NOTES]
    vectors = [bm25.window_vector([counts], 0) for counts in own]
    holding = Counter(term for counts in own for term in counts)
    found = 0
    for at, note in enumerate(NOTES):
        query = bm25.query_weights(
            analyse_question(note[which]), Corpus(memories=len(NOTES), holding=dict(holding)), frozenset()
        )
        scores = [sum(weight * vector.get(term, 0.0) for term, weight in query.items()) for vector in vectors]
        found += scores.index(max(scores)) == at

    assert found / len(NOTES) >= 0.95
