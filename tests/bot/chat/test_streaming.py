"""The preview of a reply: paced, noted before it is seen, ended by every known failure of a platform."""

import asyncio

import pytest

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater
from bot.chat.streaming import StreamingPreview
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from tests.conftest import MARA
from tests.fakes.outlet import Recorder
from tests.faults.memory_story import HERE, answer

NEW = Place("telegram", "bot", "-100777")


def preview_of(memory: Memory, outlet: Recorder) -> StreamingPreview:
    """Of the answer to m1."""
    return StreamingPreview(memory, outlet, HERE, MARA, lambda: memory.draft(HERE, "m1", "eva"))


async def part(memory: Memory) -> Outgoing:
    (outgoing,) = await answer(memory, ["m1"], "r1", text="Aye.")
    return outgoing


async def test_without_a_pace_every_piece_is_shown_at_once(memory: Memory, outlet: Recorder):
    async with preview_of(memory, outlet) as preview:
        for text in ("A", "A b", "A b", "A b c"):
            await preview.feed(text)
    assert outlet.shown == ["A", "A b", "A b c"]


async def test_with_a_pace_pieces_are_shown_together(memory: Memory, outlet: Recorder):
    outlet.wait = 0.02
    async with preview_of(memory, outlet) as preview:
        for text in ("A", "A b", "A b c"):
            await preview.feed(text)
        await outlet.has_shown(1)
        await preview.feed("A b c d")
        await outlet.has_shown(2)
    assert outlet.shown == ["A b c", "A b c d"]


async def test_a_reply_that_ends_before_the_first_pace_has_no_preview(memory: Memory, outlet: Recorder):
    outlet.wait = 60.0
    async with preview_of(memory, outlet) as preview:
        await preview.feed("Aye.")
        await asyncio.sleep(0)
    assert outlet.shown == []
    assert (await part(memory)).state == "queued"


async def test_the_draft_is_noted_before_anything_can_be_seen(memory: Memory, outlet: Recorder):
    shown_when_noted: list[list[str]] = []

    async def begin() -> Outgoing | None:
        shown_when_noted.append(list(outlet.shown))
        return await memory.draft(HERE, "m1", "eva")

    async with StreamingPreview(memory, outlet, HERE, MARA, begin) as preview:
        await preview.feed("Aye.")
        await preview.feed("Aye, aye.")
    assert shown_when_noted == [[]]


async def test_the_message_of_the_preview_is_noted(memory: Memory, outlet: Recorder):
    async with preview_of(memory, outlet) as preview:
        await preview.feed("Aye.")
    noted = await part(memory)
    assert noted.sent_id == f"shown-{noted.key}"


async def test_a_reply_without_a_draft_is_not_shown(memory: Memory, outlet: Recorder):
    await memory.remove(HERE, ["m1"])
    async with preview_of(memory, outlet) as preview:
        await preview.feed("Aye.")
    assert outlet.shown == []


@pytest.mark.parametrize("error", [RetryLater("busy"), DeliveryRefused("gone"), ChatMoved(NEW)])
async def test_a_failed_preview_does_not_end_the_reply(memory: Memory, outlet: Recorder, error: Exception):
    class Blind(Recorder):
        async def show(self, draft: Outgoing, persona: object, text: str) -> str | None:
            raise error

    blind = Blind()
    blind.kept, blind.wait = True, 0.001
    async with preview_of(memory, blind) as preview:
        await preview.feed("Aye.")
        await asyncio.sleep(0.02)
        await preview.feed("Aye, it is wet.")


async def test_a_bug_in_the_preview_is_raised(memory: Memory, outlet: Recorder):
    class Broken(Recorder):
        async def show(self, draft: Outgoing, persona: object, text: str) -> str | None:
            raise ZeroDivisionError

    broken = Broken()
    broken.kept, broken.wait = True, 0.001

    async def speak() -> None:
        async with preview_of(memory, broken) as preview:
            await preview.feed("Aye.")
            await asyncio.sleep(0.02)

    with pytest.raises(ZeroDivisionError):
        await speak()
