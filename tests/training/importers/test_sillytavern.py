"""SillyTavern's chats: either side may be the persona, and of several swipes the chosen one was said."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.assistants.sillytavern import SentDate, chosen_swipe, read_date
from training.importers.reading.import_log import ImportLog

CHAT = EXPORTS / "sillytavern/Mara - 2024-6-5@14h56m50s.jsonl"


@pytest.mark.parametrize("me", ["Mara", "Ana"])
def test_a_persona_is_the_character_or_the_user(me: str, persona: PersonaFolder) -> None:
    assert persona.json(CHAT, me=me)["me"] == {"sillytavern": [me]}
    spoken = [json.loads(line) for line in CHAT.read_text("utf-8").splitlines()[1:]]
    own = [line for line in spoken if line["name"] == me]
    assert sum(bool(message.is_self and message.text) for message in persona.messages()) == len(own)


def test_the_side_that_is_called_as_the_persona_is_taken_and_named(persona: PersonaFolder) -> None:
    done = persona.run(CHAT)
    assert done.returncode == 0
    assert " Mara " in done.stdout.split("Chats:")[1]
    assert persona.json(CHAT)["me"] == {"sillytavern": ["Mara"]}


def test_a_chat_that_went_on_brings_what_is_new(persona: PersonaFolder, tmp_path: Path) -> None:
    lines = CHAT.read_text("utf-8").splitlines()
    earlier = tmp_path / CHAT.name
    earlier.write_text("\n".join(lines[:5]), encoding="utf-8")
    assert persona.json(earlier, me="Mara")["added"] == 4
    later = persona.json(CHAT)
    assert (later["added"], later["known"]) == (len(lines) - 5, 4)


@pytest.mark.parametrize(
    ("written", "date"),
    [
        (1717599800123, SentDate(1717599800.123, "millisecond")),
        ("1717599800123", SentDate(1717599800.123, "millisecond")),
        (1717599800, SentDate(1717599800.0, "millisecond")),
        ("June 5, 2024 2:56pm", SentDate(1717599360.0, "minute", True)),
        ("June 5, 2024 12:00am", SentDate(1717545600.0, "minute", True)),
        ("Jun 5, 2024 12:00 PM", SentDate(1717588800.0, "minute", True)),
        ("2024-6-5@14h56m50s", SentDate(1717599410.0, "second", True)),
        ("2024-06-05@14h56m50s682ms", SentDate(1717599410.682, "millisecond", True)),
        ("2024-6-5 @14h 56m 50s 682ms", SentDate(1717599410.682, "millisecond", True)),
        ("2024-06-05T14:56:50.682Z", SentDate(1717599410.682, "millisecond")),
        ("2024-06-05T16:56:50.682+02:00", SentDate(1717599410.682, "millisecond")),
        ("2024-06-05T14:56:50", SentDate(1717599410.0, "millisecond", True)),
        ("2024-13-5@14h56m50s", None),
        ("Moon 5, 2024 2:56pm", None),
        ("now", None),
        ("9" * 5000, None),
        (float("inf"), None),
        (True, None),
        ([], None),
        (None, None),
    ],
)
def test_a_date_is_in_one_of_the_forms_of_all_versions(written: Any, date: SentDate | None) -> None:
    assert read_date(written) == date


@pytest.mark.parametrize(
    ("mes", "swipes", "chosen", "words"),
    [
        ("tea", ["coffee", "tea"], 0, "tea"),
        ("", ["coffee", "tea"], 1, "tea"),
        (None, ["coffee", "tea"], 1, "tea"),
        ({"message": "tea"}, None, None, "tea"),
        ("", [{"message": "tea"}], 0, "tea"),
        ("", ["tea"], 1, ""),
        ("", ["tea"], -1, ""),
        ("", ["tea"], True, ""),
        ("", "tea", 0, ""),
        (5, [5], 0, ""),
    ],
)
def test_the_words_are_those_of_the_chosen_swipe(mes: Any, swipes: Any, chosen: Any, words: str) -> None:
    assert chosen_swipe(mes, swipes, chosen) == words


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({}, "text", "tea"),
        ({"extra": None}, "text", "tea"),
        ({"is_system": True}, "text", "tea"),
        ({"is_system": True, "is_user": True, "name": "System"}, "text", "tea"),
        ({"is_system": True, "name": "SillyTavern System"}, "notice", ""),
        ({"extra": {"type": "narrator"}}, "notice", ""),
        ({"extra": {"type": "comment"}, "is_system": True}, "notice", ""),
        ({"extra": {"type": "assistant_message"}}, "text", "tea"),
        ({"extra": {"tool_invocations": [{}]}, "is_system": True}, "notice", ""),
        ({"extra": {"image": "/user/images/a/b.png"}}, "image", "tea"),
        ({"extra": {"image": "data:image/png;base64,AAAA"}}, "image", "tea"),
        ({"extra": {"media": [{"url": "/user/images/a/b.mp4", "type": "video"}]}}, "video", "tea"),
        ({"extra": {"files": [{"name": "map.pdf"}]}}, "file", "tea"),
    ],
)
def test_a_line_was_said_or_is_a_notice(fields: dict[str, Any], kind: str, text: str, tmp_path: Path) -> None:
    line = {"name": "Mara", "is_user": False, "mes": "tea", "send_date": 1717599800123, **fields}
    path = tmp_path / "Mara.jsonl"
    path.write_text(json.dumps(line), encoding="utf-8")
    (message,) = registry.read_exports(path, ImportLog())
    assert (message.kind, message.text) == (kind, text)
