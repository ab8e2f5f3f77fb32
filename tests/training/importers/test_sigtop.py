"""sigtop's blocks, lines and rows: what is quoted and what versions were before are no words."""

import json
import re
from pathlib import Path

import pytest

from tests.paths import EXPORTS
from training.importers import registry
from training.importers.chats.sigtop.records import SigtopName, split_name
from training.importers.chats.sigtop.texts import is_block_text, is_short_text
from training.importers.reading.import_log import ImportLog

BLOCKS = EXPORTS / "sigtop/Ann Reed (+15550100001).txt"
HEAD = "Conversation: Ann (+1)\n\n"
FIELDS = "From: {}\nType: {}\nSent: Sun, 1 Mar 2026 10:00:00 +0000\n"


def texts(path: Path, text: str) -> list[str]:
    path.write_text(text, encoding="utf-8")
    return [message.text for message in registry.read_exports(path, ImportLog())]


def test_own_messages_are_those_of_you() -> None:
    count = len(re.findall(r"^From: You$", BLOCKS.read_text(encoding="utf-8"), re.MULTILINE))
    assert sum(bool(each.is_self) for each in registry.read_exports(BLOCKS)) == count


@pytest.mark.parametrize(
    ("below", "words"),
    [
        ("\nso\n", "so"),
        ("\nso\n\nand so\n", "so\n\nand so"),
        ("\n> From: You\n> Sent: x\n>\n> tea\n\nso\n", "so"),
        ("\n> From: You\n> Sent: x\n> Attachment: a (b)\n\nso\n", "so"),
        ("\n> so it says\n", "> so it says"),
        ("\nFrom: here\nto there\n", "From: here\nto there"),
        ("Attachment: a.jpg (image/jpeg, 7 bytes)\n\nso\n", "so"),
        (
            "Edited: 2 versions\n\n| Version: 2\n| Sent: x\n|\n| so\n|\n| Version: 1\n| Sent: x\n|\n| s\n",
            "so",
        ),
        ("Edited: 1 versions\n\n| Version: 1\n| Sent: x\n|\n| > From: A\n| >\n| > tea\n|\n| so\n", "so"),
    ],
)
def test_a_block_has_its_own_words(below: str, words: str, tmp_path: Path) -> None:
    block = FIELDS.format("You", "outgoing") + below + "\n"
    assert texts(tmp_path / "a.txt", HEAD + block + block) == [words, words]


@pytest.mark.parametrize("type", ["call-history", "group-v2-change", "keychange", "hologram", "story"])
def test_what_signal_wrote_itself_has_no_words(type: str, tmp_path: Path) -> None:
    assert texts(tmp_path / "a.txt", HEAD + FIELDS.format("Ann (+1)", type) + "\nwords\n\n") == [""]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("You: so", "so"),
        ("You: [edited] so", "so"),
        ("You: [reply to Ann [x on 2026-03-01 10:00, edited, 2 attachments] so", "so"),
        ("You: [1 attachment]", ""),
        ("You: [so] it is", "[so] it is"),
        ("You: [2 attachments of mine] it is", "[2 attachments of mine] it is"),
        ("You: a: b", "a: b"),
        ("You:", None),
    ],
)
def test_a_line_has_its_own_words(line: str, words: str | None, tmp_path: Path) -> None:
    found = texts(tmp_path / "a.txt", f"2026-03-01 10:00 Ann: hello\n2026-03-01 10:01 {line}\n")
    assert found == ["hello", *([] if words is None else [words])]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Ann Reed (+1)", SigtopName("Ann Reed", "+1")),
        ("Ann (the tall) (+1)", SigtopName("Ann (the tall)", "+1")),
        ("Ann", SigtopName("Ann", "")),
        ("Quay (group)", SigtopName("Quay", "group")),
        ("(+1)", SigtopName("(+1)", "")),
        ("", SigtopName("", "")),
    ],
)
def test_a_label_has_a_name_and_a_number(label: str, name: SigtopName) -> None:
    assert split_name(label) == name


@pytest.mark.parametrize(
    ("text", "is_block", "is_short"),
    [
        (HEAD + FIELDS.format("You", "outgoing"), True, False),
        (HEAD + "Type: keychange\nSent: x", True, False),
        ("2026-03-01 10:00 You: so\n", False, True),
        ("2026-03-01 10:00 Ann: so\n", False, False),
        ("2026-03-01 10:00 - You: so\n", False, False),
        ("Conversation: about tea\nit is good\n\n\n", False, False),
        ("", False, False),
    ],
)
def test_only_texts_of_sigtop_are_taken(text: str, is_block: bool, is_short: bool) -> None:
    assert (is_block_text(text), is_short_text(text)) == (is_block, is_short)


@pytest.mark.parametrize(
    "fields",
    [
        {"body": 5},
        {"type": None},
        {"type": 7},
        {"quote": 7},
        {"quote": {"id": "x"}},
        {"attachments": 7},
        {"attachments": [7, {"fileName": 5, "contentType": None}]},
        {"sent_at": "x"},
        {"sent_at": 1e300},
        {"sent_at": -1},
        {"conversationId": None},
        {"sourceServiceId": 7},
    ],
)
def test_values_of_other_types_are_no_traceback(fields: dict[str, object], tmp_path: Path) -> None:
    row = {"conversationId": "c", "type": "incoming", "sent_at": 1772359200000, "body": "tea"}
    path = tmp_path / "Ann (+1).json"
    path.write_text(json.dumps([{**row, **fields}, {**row, "sent_at": 1772359300000}]), encoding="utf-8")
    messages = list(registry.read_exports(path, ImportLog()))
    assert (messages[-1].text, messages[-1].chat_name) == ("tea", "Ann")
