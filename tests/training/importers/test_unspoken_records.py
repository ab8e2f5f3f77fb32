"""Records that are no words, in formats with their own tables: Slack, Weibo, Reddit, Discord's package."""

import json
from pathlib import Path

import pytest

from training.importers import registry
from training.importers.reading.import_log import ImportLog


@pytest.mark.parametrize(
    ("fields", "kept", "skipped"),
    [
        ({"subtype": "channel_join"}, [("notice", "")], {}),
        ({"subtype": "huddle_thread"}, [("notice", "")], {}),
        ({"subtype": "tombstone"}, [], {"deleted by their author": 1}),
        ({"subtype": "slackbot_response"}, [], {"written by bots": 1}),
        ({"user": "USLACKBOT"}, [], {"written by bots": 1}),
        ({"subtype": "me_message"}, [("text", "tea")], {}),
        ({}, [("text", "tea")], {}),
    ],
)
def test_a_record_of_slack_is_of_its_kind(
    fields: dict[str, str], kept: list[tuple[str, str]], skipped: dict[str, int], tmp_path: Path
) -> None:
    folder, log = tmp_path / "general", ImportLog()
    folder.mkdir()
    record = {"ts": "1704189600.000100", "type": "message", "user": "U1", "text": "tea", **fields}
    (folder / "2024-01-02.json").write_text(json.dumps([record]), encoding="utf-8")
    messages = [(message.kind, message.text) for message in registry.read_exports(tmp_path, log)]
    assert (messages, dict(log.skipped)) == (kept, skipped)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("回复@小雨:好的", "好的"),
        ("Reply to @rain: fine//@moss: so", "fine"),
        ("回复 him", "回复 him"),
        ("好的", "好的"),
    ],
)
def test_a_reply_of_weibo_loses_what_weibo_wrote(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "7001.csv"
    path.write_text(f"id,bid,正文,日期\n1,a,{text},2024-01-15\n", encoding="utf-8")
    assert [message.text for message in registry.read_exports(path)] == [words]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("> is it the tide?\n> or the moon?\n\nthe tide", "the tide"),
        ("&gt; is it?\nyes", "yes"),
        (">!the butler!<", ">!the butler!<"),
        ("3 > 2", "3 > 2"),
    ],
)
def test_a_comment_of_reddit_loses_what_it_quotes(body: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "comments.csv"
    head = "id,permalink,date,ip,subreddit,gildings,link,parent,body"
    path.write_text(f'{head}\nabc,,2024-01-15 10:00:00 UTC,,tea,0,,,"{body}"\n', encoding="utf-8")
    assert [message.text for message in registry.read_exports(path)] == [words]


@pytest.mark.parametrize("id", ["", "0", "1.21E+18"])
def test_messages_of_a_discord_package_without_ids_are_all_kept(id: str, tmp_path: Path) -> None:
    folder = tmp_path / "messages" / "c1234567890123456"
    folder.mkdir(parents=True)
    rows = "".join(f"{id},2024-01-15 10:00:0{at},tide {at},\n" for at in range(3))
    (folder / "messages.csv").write_text(f"ID,Timestamp,Contents,Attachments\n{rows}", encoding="utf-8")
    (folder / "channel.json").write_text('{"id": "1234567890123456", "type": "DM"}', encoding="utf-8")
    messages = list(registry.read_exports(tmp_path))
    assert len({message.id for message in messages}) == len(messages) == 3
