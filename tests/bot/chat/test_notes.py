"""A card's notes in replies of commands."""

from dataclasses import replace

from bot.chat.commands import run_line
from bot.message import Author
from tests.conftest import PLACE, Stage


async def test_a_cards_notes_are_cut_in_replies(stage: Stage) -> None:
    mara = stage.cast.personas["mara"]
    notes = mara.card.model_copy(update={"creator_notes": "word " * 20_000})
    stage.cast.personas["mara"] = replace(mara, card=notes)
    shown = await run_line("/persona", stage.chat, stage.memory, PLACE, Author("ana", "Ana"))
    assert shown == f"Mara (mara) speaks here, without an adapter. {('word ' * 100)[:499].rstrip()}…"
    assert (await run_line("/personas", stage.chat, stage.memory, PLACE, Author("ana", "Ana"))).splitlines()[
        0
    ] == (f"* mara         Mara: {('word ' * 20)[:99].rstrip()}…")


async def test_a_cards_notes_are_shown_without_macros(stage: Stage) -> None:
    mara, ana = stage.cast.personas["mara"], Author("ana", "Ana")
    notes = mara.card.model_copy(update={"creator_notes": "For {{user}}. {{unknown}}"})
    stage.cast.personas["mara"] = replace(mara, card=notes)
    shown = await run_line("/persona", stage.chat, stage.memory, PLACE, ana)
    assert shown == "Mara (mara) speaks here, without an adapter. For Ana."
    assert (await run_line("/personas", stage.chat, stage.memory, PLACE, ana)).startswith(
        "* mara         Mara: For Ana."
    )
