"""A card from elsewhere in a conversation: its lorebook, prompt at a depth and example dialogues."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.chat.commands import run_line
from bot.chat.commands.call import Level
from bot.message import Author
from bot.persona.persona import load_cast
from tests.conftest import PLACE, Stage

BOOK = {
    "entries": [
        {
            "keys": ["Harrow"],
            "content": "Harrow is a sunken village.",
            "enabled": True,
            "insertion_order": 1,
            "extensions": {},
        }
    ]
}
DATA: dict[str, Any] = {
    "name": "Mara Quill",
    "nickname": "Mara",
    "description": "Keeps a light.",
    "mes_example": "<START>\n  Mara Quill: hi\nJackson: what?",
    "character_book": BOOK,
    "extensions": {"depth_prompt": {"prompt": "Speak in rhyme.", "depth": 2, "role": "system"}},
}


def write(root: Path, **fields: object) -> None:
    """Write the card of the persona "mara" with these fields."""
    path = root / "personas/mara"
    path.mkdir(parents=True, exist_ok=True)
    (path / "persona.toml").touch()
    card = {"spec": "chara_card_v2", "spec_version": "2.0", "data": {**DATA, **fields}}
    (path / "card.json").write_text(json.dumps(card))


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Stage]:
    """A chat with the persona that lies on disk."""
    write(tmp_path)
    stage = Stage(tmp_path)
    stage.cast = load_cast(tmp_path / "personas")
    yield await stage.start()
    await stage.stop()


async def test_a_card_from_elsewhere_has_its_effect_in_a_conversation(keeper: Stage) -> None:
    """rikkahub/rikkahub#879, SillyTavern/SillyTavern#1979"""
    await keeper.say("Hello.")
    await keeper.say("Mara, what is Harrow?")
    first, second = keeper.engine.prompts()
    assert "sunken" not in first
    assert second.partition("Keeps a light.")[2] == (
        "<|im_end|>\n<|im_start|>assistant\nhi<|im_end|>\n"
        "<|im_start|>user\nJackson: what?\n[The conversation begins.]\nAna: Hello.<|im_end|>\n"
        "<|im_start|>system\nSpeak in rhyme.<|im_end|>\n<|im_start|>assistant\nAnswer 1.<|im_end|>\n"
        "<|im_start|>system\nHarrow is a sunken village.<|im_end|>\n"
        "<|im_start|>user\nAna: Mara, what is Harrow?<|im_end|>\n<|im_start|>assistant\n"
    )


async def test_reading_personas_again_tells_owners_what_is_left_out(keeper: Stage, tmp_path: Path) -> None:
    """SrJuggernaut/character-tools#17"""
    write(tmp_path, tags=5)
    told = await run_line(
        "/persona reload", keeper.chat, keeper.memory, PLACE, Author("ana", "Ana"), Level.OWNER
    )
    assert told == "Read again: mara.\nmara: fields of the wrong type: tags left out."
