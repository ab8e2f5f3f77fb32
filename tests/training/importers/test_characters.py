"""Chats with characters of several programs: either side may be the persona, and no time is invented."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.import_command import PersonaFolder
from tests.paths import EXPORTS
from training.importers import registry
from training.importers.reading.english_dates import parse_english_date
from training.importers.reading.import_log import ImportLog

FOLDER = EXPORTS / "characters"


@pytest.mark.parametrize("me", ["user", "character"])
def test_a_persona_is_either_side(me: str, persona: PersonaFolder) -> None:
    assert persona.json(FOLDER / "Mara_2026_chat.json", me=me)["me"] == {"risuai": [me]}
    assert {message.author for message in persona.messages() if message.is_self} == {me}


def test_without_a_side_it_asks(persona: PersonaFolder) -> None:
    assert "Who is the persona on textgen?" in persona.run(FOLDER / "Mara_persistent.json").stderr


def test_the_words_are_those_before_html() -> None:
    pairs = json.loads((FOLDER / "20260105-10-00-00.json").read_text("utf-8"))["internal"]
    words = [words for pair in pairs if isinstance(pair, list) for words in pair]
    read = [message.text for message in registry.read_exports(FOLDER / "20260105-10-00-00.json")]
    assert read == [each for each in words if each and not each.startswith("<|")]


@pytest.mark.parametrize(
    "document",
    [
        {"internal": [["a"]], "visible": 5},
        {"internal": [["a"], 5], "visible": [], "metadata": 5},
        {"internal": [[5, None, {}]], "visible": [], "metadata": {"user_0": 5}},
        {"type": "risuChat", "data": {"message": [{"role": 5, "data": 5, "time": "x"}]}},
        {"messages": [{"msg": 5}, 5]},
        {"histories": {"histories": [{"msgs": [{"src": {}, "text": 5}, 5]}, 5]}},
    ],
)
def test_values_of_other_types_are_left_out(document: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert [message.text for message in registry.read_exports(path, ImportLog())] in ([], ["a"])


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("June 5, 2024 2:56pm", 1717599360.0),
        ("Jun 05, 2024 14:56", 1717599360.0),
        ("JUNE 5, 2024 2:56 PM", 1717599360.0),
        ("June 5, 2024 12:00am", 1717545600.0),
        ("June 31, 2024 2:56pm", None),
        ("June 5, 2024 25:00", None),
        ("Moon 5, 2024 2:56pm", None),
        ("June ٥, 2024 2:56pm", None),
        ("5 June 2024", None),
        ("", None),
    ],
)
def test_a_date_with_an_english_month(text: str, time: float | None) -> None:
    assert parse_english_date(text) == time
