"""signal-export's chat.md and data.json: what is quoted, reactions, files and calls are no words."""

import json
from pathlib import Path

import pytest

from training.importers import registry
from training.importers.chats.signal import SignalText, split_text
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ("hello  ", SignalText("hello")),
        ("hello  \n(- Ana: ❤️ -)", SignalText("hello")),
        ("hello  \n(- Ana: ❤️, Bo: 👍 -)![a.jpg](./media/a.jpg)  ", SignalText("hello", ("./media/a.jpg",))),
        (
            "  ![a.jpg](./media/a.jpg)  [b.pdf](./media/b.pdf)  ",
            SignalText("", ("./media/a.jpg", "./media/b.pdf")),
        ),
        ("  [🙂](../exported_stickers/p/1.webp)  ", SignalText("", (), True)),
        ("  \n(( 🙂 ))", SignalText("", (), True)),
        ("see [the map](https://example.org)", SignalText("see [the map](https://example.org)")),
        ("(- not a list -) of reactions", SignalText("(- not a list -) of reactions")),
        ("", SignalText("")),
    ],
)
def test_a_body_ends_where_the_exporter_goes_on(body: str, parts: SignalText) -> None:
    assert split_text(body) == parts


def write(folder: Path, rows: list[tuple[str, str, str]], quote: str = "") -> None:
    """Write a chat as signal-export does: time, sender, body; the last message quotes."""
    folder.mkdir(parents=True)
    with (folder / "chat.md").open("w", encoding="utf-8") as text, (folder / "data.json").open("w") as data:
        for time, sender, body in rows:
            quoted = f"\n\n> {quote}\n\n" if quote and (time, sender, body) == rows[-1] else ""
            text.write(f"[2026-03-01 {time}] {sender}: {quoted}{body}  \n")
            message = {"date": f"2026-03-01T{time}", "sender": sender, "body": f"{body}  ", "quote": quoted}
            data.write(json.dumps({**message, "sticker": None, "reactions": [], "attachments": []}) + "\n")


def shown(path: Path) -> list[tuple[str, str, str, bool | None]]:
    messages: list[ExportedMessage] = list(registry.read_exports(path, ImportLog()))
    return [(message.author, message.kind, message.text, message.is_self) for message in messages]


ROWS = [
    ("10:00:00", "Ana", "where is the ladder"),
    ("10:00:00", "Ana", "where is the ladder"),
    ("10:01:00", "Me", "two\nlines"),
    ("10:02:00", "Me", "Missed voice call"),
    ("10:03:00", "Me", "behind the shed"),
]
SHOWN = [
    ("Ana", "text", "where is the ladder", False),
    ("Ana", "text", "where is the ladder", False),
    ("Me", "text", "two\nlines", True),
    ("Me", "notice", "", None),
    ("Me", "text", "behind the shed", True),
]


@pytest.mark.parametrize("left_out", ["", "chat.md", "data.json"])
def test_both_files_give_the_same_messages(left_out: str, tmp_path: Path) -> None:
    write(tmp_path / "Ana", ROWS, quote="where is the ladder\n> really")
    if left_out:
        (tmp_path / "Ana" / left_out).unlink()
    assert shown(tmp_path) == SHOWN


@pytest.mark.parametrize("name", ["chat.md", "data.json"])
def test_a_chat_of_more_than_two_is_a_group(name: str, tmp_path: Path) -> None:
    write(tmp_path / "Quay", [*ROWS, ("10:04:00", "Bo", "found it")])
    (message, *_) = registry.read_exports(tmp_path / "Quay" / name, ImportLog())
    assert (message.chat, message.chat_kind) == ("Quay", "group")


def test_empty_lines_above_a_chat_do_not_make_it_one_of_whatsapp(tmp_path: Path) -> None:
    write(tmp_path / "Ana", ROWS, quote="where is the ladder\n> really")
    (tmp_path / "Ana/data.json").unlink()
    path = tmp_path / "Ana/chat.md"
    path.write_text("\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert shown(tmp_path) == SHOWN


def test_a_chat_of_whatsapp_in_iso_dates_stays_one(tmp_path: Path) -> None:
    path = tmp_path / "_chat.txt"
    path.write_text("[2024-03-20 17:04:05] Ana: hej\n[2024-03-20 17:05:05] Bo: hej hej\n", encoding="utf-8")
    assert [export.importer.TITLE for export in registry.find_exports(path)] == ["WhatsApp"]


def test_a_message_that_looks_like_json_does_not_hide_a_chat_of_whatsapp(tmp_path: Path) -> None:
    path = tmp_path / "_chat.txt"
    path.write_text('[20/03/2024, 17:04:05] Ana: I set {"tea": 7}\n', encoding="utf-8")
    assert [export.importer.TITLE for export in registry.find_exports(path)] == ["WhatsApp"]
