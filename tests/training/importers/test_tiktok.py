"""TikTok's download: whose it is, and which parts are read under their old and new names."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from tests.training.importers.fixtures import read_fixture
from training.importers import registry

NEW, OLD = "tiktok/user_data_tiktok.json", "tiktok/user_data.json"
HELLO = {"Date": "2024-01-15 10:00:00", "From": "bo", "Content": "hello"}
MINE = {"Date": "2024-01-15 10:00:01", "From": "ana", "Content": "hi"}


def chats(history: object, **more: object) -> dict[str, Any]:
    return {"Direct Message": {"Direct Messages": {"ChatHistory": history}}, **more}


def write(folder: Path, root: object) -> Path:
    (folder / "user_data_tiktok.json").write_text(json.dumps(root), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("name", "section"), [(NEW, "Direct Message"), (OLD, "Direct Messages")])
def test_all_dated_messages_of_a_file_are_read(name: str, section: str) -> None:
    root = json.loads((EXPORTS / name).read_text(encoding="utf-8"))
    (inner,) = root[section].values()
    dated = [
        each["Date"]
        for chat in inner["ChatHistory"].values()
        for each in chat or []
        if each["Date"] != "never"
    ]
    assert len(dated) == sum(each.chat_kind == "direct" for each in read_fixture(name))


def test_both_downloads_hold_the_same_messages(persona: PersonaFolder) -> None:
    first = persona.json(EXPORTS / OLD)
    second = persona.json(EXPORTS / NEW)
    assert (first["added"], second["added"], second["known"]) == (5, 1, 4)
    assert second["me"] == {"tiktok": ["ana.quay"]}


def test_a_shared_video_is_no_words() -> None:
    kinds = Counter(each.kind for each in read_fixture(NEW) if not each.text)
    assert kinds == {"other": 1}


@pytest.mark.parametrize(
    ("root", "selves"),
    [
        (chats({"Chat History with bo:": [HELLO, MINE]}), [False, True]),
        (chats({"Chat History with bo:": [HELLO]}), [None]),
        (chats({"Chat History with bo:": [HELLO, MINE, {**MINE, "From": "cy"}]}), [None, None, None]),
        (
            chats(
                {"Chat History with bo:": [HELLO, MINE]},
                Profile={"Profile Info": {"ProfileMap": {"userName": "bo"}}},
            ),
            [True, False],
        ),
        (
            chats(
                {"Chat History with bo:": [HELLO, MINE]},
                Profile={"Profile Info": {"ProfileMap": {"userName": 5}}},
            ),
            [False, True],
        ),
    ],
    ids=["by the chats", "one side only", "three people", "by the profile", "a broken profile"],
)
def test_who_me_is(root: dict[str, Any], selves: list[bool | None], tmp_path: Path) -> None:
    assert [each.is_self for each in registry.read_exports(write(tmp_path, root))] == selves


def test_the_lists_are_found_behind_the_head_of_a_file(tmp_path: Path) -> None:
    videos = [{"Date": "2024-01-15 10:00:00", "Link": f"https://example.org/{at}"} for at in range(5000)]
    watched = {"Your Activity": {"Watch History": {"VideoList": videos}}}
    root = {**watched, **chats({"Chat History with bo:": [HELLO]})}
    assert [each.text for each in registry.read_exports(write(tmp_path, root))] == ["hello"]


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, [5], [None], {"Chat History with bo:": 5}], ids=repr)
def test_a_part_of_another_type_holds_no_message(odd: object, tmp_path: Path) -> None:
    root = chats(
        odd, Comment={"Comments": {"CommentsList": odd}}, Profile={"Profile Info": {"ProfileMap": odd}}
    )
    assert list(registry.read_exports(write(tmp_path, root))) == []
