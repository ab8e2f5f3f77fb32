"""WeChat: the exporters of 2026 and of before, ids that they share, and words that are of others."""

from pathlib import Path

import pytest

from tests.paths import EXPORTS
from tests.training.importers.fixtures import read_fixture
from tests.training.importers.test_known_again import import_all
from training.importers import registry
from training.importers.chats.wechat.quotes import own_words

NEW = ("weflow 2026.json", "arkme.json", "weflow weclone", "pywxdump", "chatlog quotes.json")


@pytest.mark.parametrize("name", NEW)
def test_no_words_of_others_are_words(name: str) -> None:
    for message in read_fixture(f"wechat/{name}"):
        assert not any(mark in message.text for mark in ("引用", "别人", "[链接", "[系统", "听写"))


@pytest.mark.parametrize(
    ("text", "quoted", "own"),
    [
        ("绿茶[引用 Ana：今天]", "今天", "绿茶"),
        ("绿茶[引用 Ana：[图片]]", "[图片]", "绿茶"),
        ("绿茶[引用 Ana：[图片]]", "", "绿茶"),
        ("绿茶[捂脸]", "", "绿茶[捂脸]"),
        ("[引用 Ana：今天]", "", ""),
        ("[引用 Ana：a]b]", "a]b", ""),
        ("[引用 Ana：今天]绿茶[捂脸]", "", "绿茶[捂脸]"),
    ],
)
def test_a_quotation_behind_a_reply_is_cut(text: str, quoted: str, own: str) -> None:
    assert own_words(text, quoted) == own


def test_weflow_and_chatlab_give_one_message_one_key(tmp_path: Path) -> None:
    by_weflow, by_chatlab = EXPORTS / "wechat/weflow 2026.json", EXPORTS / "chatlab/owner.json"
    added, known, _ = import_all(tmp_path / "work", by_weflow, by_chatlab)
    assert known == 2
    assert added == 3


def test_weflow_in_both_forms_of_json_gives_one_message_one_key(tmp_path: Path) -> None:
    paths = (EXPORTS / "wechat/weflow 2026.json", EXPORTS / "wechat/arkme.json")
    assert import_all(tmp_path / "work", *paths) == (0, 3, 0)


def test_a_table_without_a_room_is_a_chat_by_its_own_name(tmp_path: Path) -> None:
    head = "id,MsgSvrID,type_name,is_sender,talker,msg,src,CreateTime\n"
    for name in ("Ana", "Bo"):
        row = f"1,9001,text,0,{name},hello,,2021-07-07T02:27:23.000Z\n"
        (tmp_path / f"{name}.csv").write_text(head + row, encoding="utf-8")
    messages = list(registry.read_exports(tmp_path))
    assert [(each.chat, each.local) for each in messages] == [("Ana", False), ("Bo", False)]


def test_names_of_people_come_from_the_file_beside_the_pages() -> None:
    messages = read_fixture("wechat/pywxdump")
    assert {each.author: each.author_name for each in messages} == {"wxid_bo": "小薄", "wxid_ana": "Ana"}
