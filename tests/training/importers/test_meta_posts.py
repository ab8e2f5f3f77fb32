"""Meta's download as a whole: posts, comments and messages, and whose they are."""

import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from tests.training.importers.fixtures import read_fixture
from training.importers import registry
from training.importers.reading.import_log import ImportLog

META = "Meta (Facebook, Instagram, Messenger, Threads)"
FACEBOOK, INSTAGRAM = EXPORTS / "meta/facebook", EXPORTS / "meta/instagram posts"
OTHERS = {
    **dict.fromkeys(("Words of somebody else", "The gull", "said by another", "happy birthday"), "facebook"),
    **dict.fromkeys(("a saved caption", "words of a reposted post", "on your wall"), "instagram"),
}


@pytest.fixture
def download(tmp_path: Path) -> Path:
    """A zip with two accounts, and with files that no reader takes."""
    with zipfile.ZipFile(tmp_path / "meta-ana.zip", "w") as archive:
        for root in (FACEBOOK, INSTAGRAM):
            for path in sorted(each for each in root.rglob("*") if each.is_file()):
                archive.write(path, f"meta-ana/{path.relative_to(root)}")
        search = {"timestamp": 1680343200, "data": [{"text": "kettles"}], "title": "You searched Facebook"}
        archive.writestr("meta-ana/search/your_search_history.json", json.dumps({"searches_v2": [search]}))
    return tmp_path / "meta-ana.zip"


def records(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the lists of records in a download's files by the name of the file, read by the json module."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in root.rglob("*.json"):
        value = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(value, dict):
            value = next((each for each in value.values() if isinstance(each, list)), [])
        found.setdefault(path.name, []).extend(value)
    return found


def test_one_zip_gives_all_messages_posts_and_comments_once(download: Path) -> None:
    (export,) = registry.find_exports(download)
    assert export.importer.TITLE == META
    files = Counter(source.path for source in export.sources)
    assert set(files.values()) == {1}
    together = Counter((each.platform, each.id, each.text) for each in export.read(ImportLog()))
    apart = [each for name in ("meta/facebook", "meta/instagram posts") for each in read_fixture(name)]
    assert together == Counter((each.platform, each.id, each.text) for each in apart)


def test_the_store_holds_a_post_of_three_files_once(persona: PersonaFolder, download: Path) -> None:
    summary = persona.json(download)
    assert (summary["repeated"], summary["formats"]) == (2, [META])
    assert summary["me"] == {
        "facebook": ["self"],
        "instagram": ["Ana Müller"],
        "instagram posts": ["self"],
        "messenger": ["Ana Müller"],
        "threads": ["self"],
    }
    assert persona.json(download)["added"] == 0


def test_every_dated_post_and_comment_of_facebook_is_read() -> None:
    of_file = records(FACEBOOK)
    dated = [
        each
        for name in ("your_posts__check_ins__photos_and_videos_1.json", "group_posts_and_comments.json")
        for each in of_file[name]
        if each.get("timestamp")
    ]
    comments = [*of_file["comments.json"], *of_file["your_comments_in_groups.json"]]
    own = [each for each in comments if each["data"][0]["comment"]["author"].startswith("Ana")]
    messages = [each for each in read_fixture("meta/facebook") if each.platform == "facebook"]
    assert sorted(each.time for each in messages) == sorted(each["timestamp"] for each in (*dated, *own))
    assert sum(each.reply_to is not None for each in messages) == len(own)


@pytest.mark.parametrize("words", OTHERS)
def test_words_of_others_are_in_no_message(words: str) -> None:
    for name in ("meta/facebook", "meta/facebook flat", "meta/instagram posts"):
        assert not [each for each in read_fixture(name) if words in each.text]


@pytest.mark.parametrize("name", ["meta/facebook", "meta/facebook across", "meta/facebook flat"])
def test_titles_that_facebook_wrote_are_in_no_message(name: str) -> None:
    titles = {
        each["title"] for found in records(EXPORTS / name).values() for each in found if "title" in each
    }
    assert len(titles) > 0
    assert not [each for each in read_fixture(name) if each.text in titles or "updated" in each.text]


def test_a_thread_is_told_by_its_owner_in_the_language_of_the_profile(tmp_path: Path) -> None:
    shutil.copytree(INSTAGRAM, tmp_path / "a")
    (path,) = (tmp_path / "a").rglob("personal_information.json")
    text = (
        path.read_text(encoding="utf-8").replace('"Name"', '"Naam"').replace('"Username"', '"Gebruikersnaam"')
    )
    path.write_text(text, encoding="utf-8")
    messages = list(registry.read_exports(tmp_path / "a"))
    assert {each.is_self for each in messages if each.platform == "instagram"} == {True}


def test_a_thread_without_a_profile_does_not_say_who_me_is(tmp_path: Path) -> None:
    shutil.copytree(INSTAGRAM / "your_instagram_activity", tmp_path / "a" / "your_instagram_activity")
    messages = list(registry.read_exports(tmp_path / "a"))
    assert {each.is_self for each in messages if each.platform == "instagram"} == {None}
    assert {each.is_self for each in messages if each.platform != "instagram"} == {True}


def test_posts_have_the_same_ids_with_and_without_a_profile(tmp_path: Path) -> None:
    shutil.copytree(INSTAGRAM / "your_instagram_activity", tmp_path / "a" / "your_instagram_activity")
    without = {each.id for each in registry.read_exports(tmp_path / "a") if each.chat_kind == "timeline"}
    assert len(without) > 10
    assert without < {each.id for each in read_fixture("meta/instagram posts")}


def test_of_two_profiles_each_counts_in_its_own_folder(tmp_path: Path) -> None:
    for name in ("Ana", "Bo"):
        folder = tmp_path / "both" / name
        (folder / "inbox").mkdir(parents=True)
        profile = {"profile_v2": {"name": {"full_name": name}}}
        (folder / "profile_information.json").write_text(json.dumps(profile), encoding="utf-8")
        message = {"sender_name": name, "timestamp_ms": 1680343201000, "content": f"by {name}"}
        thread = {"participants": [{"name": "Ana"}, {"name": "Bo"}], "messages": [message], "title": "x"}
        (folder / "inbox" / "message_1.json").write_text(json.dumps(thread), encoding="utf-8")
    assert [each.is_self for each in registry.read_exports(tmp_path / "both")] == [True, True]


@pytest.mark.parametrize(
    ("text", "words", "labels"),
    [
        ("hi @[12:2048:Bo Reed]!", "hi Bo Reed!", ((3, 10, "mention"),)),
        ("@[1:2:Bo] @[3:4:Cy]", "Bo Cy", ((0, 2, "mention"), (3, 5, "mention"))),
        ("@[1:2:Bo", "@[1:2:Bo", ()),
        ("an @ and [1:2:Bo]", "an @ and [1:2:Bo]", ()),
    ],
)
def test_a_mention_on_facebook_is_a_name(
    text: str, words: str, labels: tuple[tuple[int, int, str], ...], tmp_path: Path
) -> None:
    posts = [{"timestamp": 1680343200, "data": [{"post": text}]}]
    (tmp_path / "your_posts_1.json").write_text(json.dumps(posts), encoding="utf-8")
    (post,) = registry.read_exports(tmp_path)
    assert (post.text, post.labels) == (words, labels)


ODD: list[object] = [5, None, [], {}, "", -1, 10**30, [None], {"a": 1}, "\u0000", True]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_record_of_another_type_is_left_out_and_the_next_is_read(odd: object, tmp_path: Path) -> None:
    good = {"timestamp": 1680343200, "data": [{"post": "good"}]}
    bad = [{"timestamp": odd, "data": [{"post": "x"}]}, {"timestamp": 1, "data": odd}, {"data": [odd]}]
    worse = [{"timestamp": 1, "data": [{"post": odd}]}, {"timestamp": 1, "attachments": [odd], "data": [odd]}]
    (tmp_path / "your_posts_1.json").write_text(json.dumps([good, *bad, *worse, good]), encoding="utf-8")
    media = {"media": [{"uri": "a.jpg", "creation_timestamp": 1680343200, "title": "good"}]}
    odds = [
        {"media": odd},
        {"media": [{"uri": odd}]},
        {"label_values": odd},
        {"label_values": [{"media": odd}]},
    ]
    (tmp_path / "posts_1.json").write_text(json.dumps([media, *odds, media]), encoding="utf-8")
    texts = Counter(each.text for each in registry.read_exports(tmp_path))
    assert texts["good"] == 4
