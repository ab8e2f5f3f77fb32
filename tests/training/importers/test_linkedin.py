"""LinkedIn: messages with those of one's own, and posts and comments without what others wrote."""

import csv
from pathlib import Path

import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.linkedin import message_words
from training.importers.posts.linkedin import share_words
from training.importers.reading.import_log import ImportLog

HEAD = "CONVERSATION ID,CONVERSATION TITLE,FROM,SENDER PROFILE URL,DATE,CONTENT,FOLDER,IS MESSAGE DRAFT"


def test_the_profile_says_who_the_persona_is(persona: PersonaFolder) -> None:
    assert persona.json(EXPORTS / "linkedin/whole")["me"] == {"linkedin": ["ana-reed"]}
    assert persona.json(EXPORTS / "linkedin/old")["me"] == {"linkedin": ["ana-reed"]}


def test_without_a_profile_it_asks(persona: PersonaFolder) -> None:
    assert "Bo Lind (bo-lind)" in persona.run(EXPORTS / "linkedin/old").stderr


def test_posts_may_follow_messages(persona: PersonaFolder) -> None:
    persona.json(EXPORTS / "linkedin/whole")
    assert persona.json(EXPORTS / "linkedin/posts")["me"] == {"linkedin-posts": ["self"]}


def test_every_row_of_messages_is_kept_or_counted() -> None:
    with (EXPORTS / "linkedin/whole/messages.csv").open(encoding="utf-8", newline="") as file:
        rows = len(list(csv.DictReader(file)))
    log = ImportLog()
    kept = len(list(registry.read_exports(EXPORTS / "linkedin/whole", log)))
    assert kept + log.skipped.total() == rows


@pytest.mark.parametrize(
    ("row", "texts", "skipped"),
    [
        ("1,,Bo,,2026-01-01 10:00:00 UTC,tea,INBOX,No", ["tea"], {}),
        ("1,,Bo,,2026-01-01 10:00:00 UTC,tea,,", ["tea"], {}),
        ("1,,Bo,,2026-01-01 10:00:00 UTC,tea,SPAM,No", [], {"in the spam folder": 1}),
        ("1,,Bo,,2026-01-01 10:00:00 UTC,tea,INBOX,YES", [], {"drafts": 1}),
        ("1,,Bo,,2026-01-01 10:00:00 UTC,tea,INBOX,true", [], {"drafts": 1}),
        (
            '1,,Ads,,2026-01-01 10:00:00 UTC,"<p class=""spinmail-quill-editor__x"">x",,',
            [],
            {"written by bots": 1},
        ),
        ("1,,Bo,,,tea,INBOX,No", [], {"without a date": 1}),
        ("1,,Bo", [], {"without a date": 1}),
    ],
)
def test_a_row_was_sent_by_somebody(
    row: str, texts: list[str], skipped: dict[str, int], tmp_path: Path
) -> None:
    path, log = tmp_path / "messages.csv", ImportLog()
    path.write_text(f"{HEAD}\n{row}\n", encoding="utf-8")
    assert [message.text for message in registry.read_exports(path, log)] == texts
    assert dict(log.skipped) == skipped


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("<p>one</p><p>two &amp; three</p>", "one\n\ntwo & three"),
        ("one<br>two", "one\ntwo"),
        ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
        ("I <3 it &amp; you", "I <3 it & you"),
        ("a < b and c > d", "a < b and c > d"),
        ("", ""),
    ],
)
def test_a_message_is_html_or_plain_text(content: str, words: str) -> None:
    assert message_words(content) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('one"\n""\n"two', "one\n\ntwo"),
        ('one"\n"\n"two', "one\n\ntwo"),
        ('one"\r\n"two', "one\ntwo"),
        ("one\n\ntwo", "one\n\ntwo"),
        ('he said "one"\n"two"', 'he said "one\ntwo"'),
        ('"one"', '"one"'),
        ("one", "one"),
    ],
)
def test_a_posts_lines_lose_the_quotes_around_them(text: str, words: str) -> None:
    assert share_words(text) == words


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ('"a \\"b\\", c"', 'a "b", c'),
        ('"a ""b"", c"', 'a "b", c'),
        ('"\\"b\\""', '"b"'),
        ("plain", "plain"),
        ('"two\nlines"', "two\nlines"),
    ],
)
def test_quotes_in_comments_stand_behind_a_backslash_or_are_doubled(
    cell: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "Comments.csv"
    path.write_text(
        f"Date,Link,Message\n2026-01-01 10:00:00,https://x/urn%3Ali%3A1,{cell}\n", encoding="utf-8"
    )
    (message,) = registry.read_exports(path)
    assert (message.text, message.reply_to, message.is_self) == (words, "urn:li:1", True)
