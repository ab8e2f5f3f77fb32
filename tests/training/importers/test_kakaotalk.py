"""KakaoTalk: rows of each layout, what it writes itself, and who exported it."""

from datetime import date
from pathlib import Path

import pytest

from bot.errors import UserError
from tests.paths import EXPORTS
from tests.training.importers.fixtures import read_fixture
from tests.training.importers.test_known_again import import_all
from training.importers import registry
from training.importers.chats.kakaotalk.content import parse_content, unheaded_kind
from training.importers.chats.kakaotalk.rows import read_day, read_row
from training.importers.reading.import_log import ImportLog

FIXTURES = sorted((EXPORTS / "kakaotalk").iterdir())
DAY = date(2026, 1, 2)
WINDOWS = "지민 님과 카카오톡 대화\n저장한 날짜 : 2026-01-03 15:20:41\n\n"


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("[Ana] [오전 12:05] hi", ("computer", None, 0, 5, "Ana", "hi")),
        ("[Ana [b]] [오후 12:05] hi", ("computer", None, 12, 5, "Ana [b]", "hi")),
        ("[Ana] [15:16] hi", ("computer", None, 15, 16, "Ana", "hi")),
        ("[Ana] [3:15 PM] hi", ("computer", None, 15, 15, "Ana", "hi")),
        ("[Ana] [PM 3:15]", ("computer", None, 15, 15, "Ana", "")),
        ("2026년 1월 2일 오후 3:15, Ana : a : b", ("dated", DAY, 15, 15, "Ana", "a : b")),
        ("2026. 1. 2. 오후 3:15, Ana : a", ("dated", DAY, 15, 15, "Ana", "a")),
        ("2026. 1. 2. 15:15, Ana : a", ("dated", DAY, 15, 15, "Ana", "a")),
        ("2026-01-02 오전 4:39, Ana : a", ("dated", DAY, 4, 39, "Ana", "a")),
        ("Jan 2, 2026 at 15:15, Ana : a", ("dated", DAY, 15, 15, "Ana", "a")),
        ("Jan 2, 2026 15:15, Ana : a", ("dated", DAY, 15, 15, "Ana", "a")),
        ("January 2, 2026 at 3:15 p.m., You : a", ("dated", DAY, 15, 15, "You", "a")),
        ("January 2, 2026, 12:15 AM, Ana :", ("dated", DAY, 0, 15, "Ana", "")),
        ("오후 3:15, Ana : a", ("undated", None, 15, 15, "Ana", "a")),
        ("2026. 1. 2. 오후 3:15: Ana님이 나갔습니다.", ("dated", DAY, 15, 15, None, "Ana님이 나갔습니다.")),
        ("2026년 1월 2일 오후 3:15", ("dated", DAY, 15, 15, None, "")),
    ],
)
def test_a_row_is_read(line: str, row: tuple[object, ...]) -> None:
    assert read_row(line) == row


@pytest.mark.parametrize(
    "line",
    [
        *("", "hello", "[Ana] hi", "[Ana] [later] hi", "[Ana] [25:00] hi", "[Ana] [3:99 PM] hi"),
        *(
            "2026년 13월 2일 오후 3:15, Ana : a",
            "2026년 2월 30일 오후 3:15, Ana : a",
            "Foo 2, 2026 at 1:00, A : a",
        ),
        *("15:15, Ana : a", "오후, Ana : a", "3. 오후 3:15, Ana : a"),
    ],
)
def test_a_line_of_words_is_no_row(line: str) -> None:
    assert read_row(line) is None


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("--------------- 2026년 1월 2일 금요일 ---------------", DAY),
        ("--------------- Friday, January 2, 2026 ---------------", DAY),
        ("2026년 1월 2일 금요일", DAY),
        ("Friday, January 2, 2026", DAY),
        ("2026년 1월 2일", None),
        ("--------------- 2026년 2월 30일 금요일 ---------------", None),
        ("-------------------------------", None),
    ],
)
def test_a_row_of_a_day_is_read(line: str, day: date | None) -> None:
    assert read_day(line) == day


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("사진", "image", ""),
        ("사진 12장", "image", ""),
        ("5 photos", "image", ""),
        ("I took 5 photos", "words", "I took 5 photos"),
        ("보이스톡 1:02:03", "call", ""),
        ("Voice Call 01:12", "call", ""),
        ("파일: a.pdf", "file", ""),
        ("삭제된 메시지입니다.", "deleted", ""),
        ("(이모티콘) 안녕", "words", "안녕"),
        ("사진 찍자", "words", "사진 찍자"),
        ("", "undelivered", ""),
    ],
)
def test_a_placeholder_is_no_words(text: str, kind: str, words: str) -> None:
    assert parse_content(text) == (kind, words)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Ana님이 나갔습니다.", "notice"),
        ("Ana님이 Bo님을 초대하였습니다.", "notice"),
        ("메시지가 삭제되었습니다.", "deleted"),
        ("Ana left this chatroom.", "notice"),
        ("Ana left.", "notice"),
        ("Ana invited Bo and Cy.", "notice"),
        ("so we left.", None),
        ("they invited us.", None),
        ("나갔습니다", None),
    ],
)
def test_a_line_of_kakaotalk_itself_is_known(line: str, kind: str | None) -> None:
    assert unheaded_kind(line, {"Ana"}) == kind


@pytest.mark.parametrize(
    ("name", "me"),
    [
        ("android.txt", {"나"}),
        ("ios_english_12.txt", {"You"}),
        ("windows_24.txt", {"테스트"}),
        ("windows.txt", set()),
        ("ios.txt", set()),
    ],
)
def test_who_exported_is_told_by_a_word_or_by_the_name_of_a_chat_of_two(name: str, me: set[str]) -> None:
    messages = read_fixture(f"kakaotalk/{name}")
    assert {each.author for each in messages if each.is_self} == me
    assert me or {each.is_self for each in messages} == {None}


def test_a_korean_phone_calls_its_owner_a_member(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    rows = "".join(f"2026년 1월 2일 오후 3:15, {name} : 안녕\n" for name in ("지민", "테스트", "회원님"))
    path.write_text(f"모임 카카오톡 대화\n저장한 날짜 : 2026년 1월 3일\n\n{rows}", encoding="utf-8")
    assert [each.is_self for each in registry.read_exports(path)] == [False, False, True]


def test_each_row_of_a_text_is_kept_or_counted() -> None:
    """The rows are counted by their brackets, in the file itself; two notices have none."""
    log = ImportLog()
    rows = (EXPORTS / "kakaotalk/windows.txt").read_text(encoding="utf-8-sig").count("] [오")
    messages = read_fixture("kakaotalk/windows.txt", log)
    quoted, unheaded_deleted = 1, 1
    assert len(messages) + log.skipped["deleted by their author"] == rows - quoted + unheaded_deleted
    assert log.skipped["notices without a time"] == 2


@pytest.mark.parametrize("path", FIXTURES, ids=[path.name for path in FIXTURES])
def test_a_second_import_brings_nothing(path: Path, tmp_path: Path) -> None:
    assert import_all(tmp_path / "work", path, path)[0] == 0


def test_a_table_of_another_date_is_the_same_chat(tmp_path: Path) -> None:
    rows = "Date,User,Message\n2026-01-02 20:36:00,Ann,hello\n"
    earlier, later = (tmp_path / f"KakaoTalk_Chat_quay_2026-0{at}-03-10-20-30.csv" for at in (1, 2))
    earlier.write_text(rows, encoding="utf-8")
    later.write_text(f"{rows}2026-01-02 20:37:00,Bob,so\n", encoding="utf-8")
    assert import_all(tmp_path / "work", earlier, later) == (1, 1, 0)


def test_an_old_encoding_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(
        f"{WINDOWS}--------------- 2026년 1월 2일 금요일 ---------------\n[지민] [20:36] a".encode("cp949")
    )
    with pytest.raises(UserError) as refused:
        list(registry.read_exports(path))
    assert str(refused.value) == f"{path} is in CP949, an old encoding: save it as UTF-8 and import it again."


def test_a_row_without_a_day_above_it_is_counted(tmp_path: Path) -> None:
    path, log = tmp_path / "a.txt", ImportLog()
    path.write_text(f"{WINDOWS}[지민] [20:36] a\n", encoding="utf-8")
    assert list(registry.read_exports(path, log)) == []
    assert log.skipped == {"without a date": 1}


def test_rows_of_another_layout_are_words(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    day = "--------------- 2026년 1월 2일 금요일 ---------------\n"
    path.write_text(f"{WINDOWS}{day}[지민] [20:36] a\n오후 3:15, b : c\n", encoding="utf-8")
    assert [each.text for each in registry.read_exports(path)] == ["a\n오후 3:15, b : c"]
