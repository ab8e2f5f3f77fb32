"""The cache of encoded examples: examples are encoded anew wherever prompts differ."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.persona.card import Card
from bot.persona.lorebook import DepthPrompt, Lorebook, LoreEntry
from bot.persona.persona import Persona
from tests.fixtures.training_messages import build, said, serving
from training.dataset import splits
from training.tokenization import cache

PLAIN = Persona("mara", Card(name="Mara", description="Keeps a light."))
MODEL: Any = SimpleNamespace(definition="bytes")
ENTRY = LoreEntry("Harrow is sunken.", ("Harrow",))


def encoded(folder: Path, persona: Persona) -> str:
    return cache.encode_split(folder / "work", splits.TRAIN, serving(persona=persona), MODEL, 4000).name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    build(
        tmp_path,
        [said(1, "Ana", "tea?"), said(2, "Mara", "yes"), said(3, "Ana", "Harrow?"), said(4, "Mara", "no")],
    )
    return tmp_path


@pytest.mark.parametrize(
    "other",
    [
        replace(PLAIN, lorebook=Lorebook((ENTRY,))),
        replace(PLAIN, card=PLAIN.card.model_copy(update={"lorebook": Lorebook((ENTRY,))})),
        replace(PLAIN, card=PLAIN.card.model_copy(update={"depth_prompt": DepthPrompt("Rhyme.")})),
        replace(PLAIN, speaker_names="groups"),
        replace(PLAIN, speaker_names="never"),
    ],
    ids=[
        "a lorebook beside the card",
        "a lorebook in the card",
        "a prompt at a depth",
        "names in groups",
        "no names",
    ],
)
def test_examples_are_encoded_anew_where_the_persona_reads_something_else(
    folder: Path, other: Persona
) -> None:
    assert encoded(folder, PLAIN) == encoded(folder, PLAIN)
    assert encoded(folder, PLAIN) != encoded(folder, other)


@pytest.mark.parametrize(
    ("fields", "is_read_anew"),
    [({}, False), ({"mes_example": "{{char}}: a"}, True), ({"description": "{{random::a::b}}"}, True)],
)
def test_cards_that_were_read_in_another_way_are_encoded_anew(
    fields: dict[str, str], is_read_anew: bool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    persona = Persona("mara", Card(name="Mara", **fields))
    now = encoded(folder, persona)
    monkeypatch.setattr(cache, "CARD_FORM", 1)
    assert (encoded(folder, persona) != now) is is_read_anew
