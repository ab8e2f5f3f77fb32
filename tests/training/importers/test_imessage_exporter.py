"""imessage-exporter's texts: replies and reactions below a message are not its words."""

import re
from functools import partial
from pathlib import Path

import pytest

from tests.fixtures.cpu_limit import ends_within
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.imessage.text_body import MessageBody, is_header, read_body
from training.importers.reading.import_log import ImportLog

FILE = EXPORTS / "imessage_exporter/Ann Reed.txt"
TIME = "Mar 01, 2026 10:00:00 AM"
REPLY = [f"    {TIME}", "    Me", "    so", "", "    and so", ""]


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["tea", ""], MessageBody("tea")),
        (["tea", "", "and oil", ""], MessageBody("tea\n\nand oil")),
        (["tea", "    and oil"], MessageBody("tea\n    and oil")),
        (["tea", *REPLY, ""], MessageBody("tea")),
        (["tea", *REPLY, "and oil", ""], MessageBody("tea\nand oil")),
        (["tea", "Tapbacks:", "    Loved by Bo", "    👍 by Ann", ""], MessageBody("tea")),
        (["tea", "Tapbacks:", "    Loved by Bo", *REPLY], MessageBody("tea")),
        (["tea", "Reactions:", "Loved by Bo", ""], MessageBody("tea")),
        (["tea", "Sent with Lasers"], MessageBody("tea")),
        (["tea", "Sent with love"], MessageBody("tea\nSent with love")),
        (["/a/b/c.heic", "tea"], MessageBody("tea", ("c.heic",))),
        (["attachments/1/2.jpeg"], MessageBody("", ("2.jpeg",))),
        (["Library/MobileSync/Backup/x/8f/8f48"], MessageBody("", ("8f48",))),
        (["Attachment missing!"], MessageBody("", ("file",))),
        (["/shrug"], MessageBody("/shrug")),
        (["and/or"], MessageBody("and/or")),
        (["/r/cats is great"], MessageBody("/r/cats is great")),
        (["~/notes and/or stuff"], MessageBody("~/notes and/or stuff")),
        (["./configure && cd ../x"], MessageBody("./configure && cd ../x")),
        (["see /Attachments/ or /a/b"], MessageBody("see /Attachments/ or /a/b")),
        (["/Users/Ann Reed/Library/Messages/Attachments/a/My tea"], MessageBody("", ("My tea",))),
        (["~/tea pots/b.jpeg"], MessageBody("", ("b.jpeg",))),
        (["a/b/c.caf", "Transcription: tea"], MessageBody("a/b/c.caf\nTranscription: tea")),
        (["/a/b/c.caf", "Transcription: tea", "and oil"], MessageBody("", ("c.caf",))),
        ([f"{TIME} te", "Edited 5 seconds later: tea"], MessageBody("tea", (), "words", True)),
        (
            [f"{TIME} te", "x", "Edited 5 seconds later: tea", "oil"],
            MessageBody("tea\noil", (), "words", True),
        ),
        (["Bo unsent this message part 5 seconds after sending!"], MessageBody("", (), "deleted")),
        (["tea", "Bo unsent this message part 5 seconds after sending!"], MessageBody("tea")),
        (["SharePlay Message", "Ended"], MessageBody("", (), "call")),
        (["Started sharing location!"], MessageBody("", (), "location")),
        (["Tides message:", "Your move"], MessageBody("", (), "share")),
        (["https://example.org/", "A title", "A summary"], MessageBody("https://example.org/")),
        (["see https://example.org/", "there"], MessageBody("see https://example.org/\nthere")),
        ([], MessageBody("")),
    ],
)
def test_a_body_has_its_own_words(lines: list[str], body: MessageBody) -> None:
    assert read_body(lines) == body


@pytest.mark.parametrize(
    ("line", "is_one"),
    [
        (TIME, True),
        ("May 17, 2022  5:29:42 PM", True),
        (f"{TIME} (Read by them after 1 hour, 49 seconds)", True),
        (f"{TIME} (Read by Ann (work) after 1 second)", True),
        (f"    {TIME}", False),
        (f"{TIME} You left the conversation.", False),
        ("Mai 17, 2022  5:29:42 PM", False),
    ],
)
def test_a_message_begins_with_a_time(line: str, is_one: bool) -> None:
    assert is_header(line) == is_one


def test_each_block_at_the_margin_is_kept_or_counted() -> None:
    log = ImportLog()
    kept = len(list(registry.read_exports(FILE, log)))
    text = FILE.read_text(encoding="utf-8")
    assert kept + log.skipped.total() == len(re.findall(r"(?:\A|\n\n)(?:Mar|Feb) \d\d, 2026", text))


@pytest.mark.parametrize(("name", "is_self"), [("Me", True), ("Mara", None)])
def test_who_me_is_is_known_where_the_program_says_me(
    name: str, is_self: bool | None, tmp_path: Path
) -> None:
    path = tmp_path / "Ann.txt"
    path.write_text(f"{TIME}\n{name}\ntea\n\n{TIME}\nAnn\noil\n\n", encoding="utf-8")
    assert [each.is_self for each in registry.read_exports(path)] == [is_self, is_self and False]


@pytest.mark.parametrize("part", ["/Attachments/", "/a", "attachments/", "MobileSync/Backup/", "."])
def test_a_line_of_slashes_takes_linear_time(part: str) -> None:
    assert ends_within(2, partial(read_body, [f"{part * 200_000}/"]))


@pytest.mark.parametrize("before", ["", "\n\n", "\ufeff", "\ufeff\r\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_line_ends_and_empty_lines_above_are_read(before: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "Ann.txt"
    path.write_bytes((before + f"{TIME}\nAnn\ntea\n\n".replace("\n", end)).encode())
    (message,) = registry.read_exports(path)
    assert (message.platform, message.author, message.text) == ("imessage", "Ann", "tea")


def test_a_chat_of_more_than_two_is_a_group(tmp_path: Path) -> None:
    path = tmp_path / "Quay - 12.txt"
    path.write_text("".join(f"{TIME}\n{each}\ntea\n\n" for each in ("Me", "Ann", "Bo")), encoding="utf-8")
    assert {each.chat_kind for each in registry.read_exports(path)} == {"group"}
