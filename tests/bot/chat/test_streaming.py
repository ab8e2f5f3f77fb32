"""Answers shown while they come, and parts sent for good, on a platform that fails in every known way."""

import asyncio
from pathlib import Path

import pytest

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater, deliver
from bot.chat.streaming import StreamingPreview
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from tests.conftest import MARA
from tests.fakes.outlet import Recorder
from tests.faults.memory_story import HERE, answer, said

NEW = Place("telegram", "bot", "-100777")


@pytest.fixture
async def memory(tmp_path: Path):
    async with Memory(tmp_path / "memory.db") as opened:
        await opened.accept(said(1))
        yield opened


@pytest.fixture
def outlet() -> Recorder:
    recorder = Recorder()
    recorder.kept = True
    return recorder


class Naps:
    """Sleeps no time, and keeps how long it was told to."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def preview_of(memory: Memory, outlet: Recorder) -> StreamingPreview:
    """Of the answer to m1."""
    return StreamingPreview(memory, outlet, HERE, MARA, lambda: memory.draft(HERE, "m1", "eva"))


async def part(memory: Memory) -> Outgoing:
    (outgoing,) = await answer(memory, ["m1"], "r1", text="Aye.")
    return outgoing


async def state(memory: Memory, key: str) -> int:
    return sum(one.key == key for one in await memory.unsent("telegram", "bot"))


async def test_without_a_pace_every_piece_is_shown_as_it_comes(memory: Memory, outlet: Recorder):
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


async def test_a_short_answer_is_over_before_anything_is_shown_or_noted(memory: Memory, outlet: Recorder):
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


async def test_the_message_an_answer_is_shown_in_is_noted(memory: Memory, outlet: Recorder):
    async with preview_of(memory, outlet) as preview:
        await preview.feed("Aye.")
    noted = await part(memory)
    assert noted.sent_id == f"shown-{noted.key}"


async def test_an_answer_without_a_draft_is_not_shown(memory: Memory, outlet: Recorder):
    await memory.remove(HERE, ["m1"])
    async with preview_of(memory, outlet) as preview:
        await preview.feed("Aye.")
    assert outlet.shown == []


@pytest.mark.parametrize("error", [RetryLater("busy"), DeliveryRefused("gone"), ChatMoved(NEW)])
async def test_what_cannot_be_shown_is_no_reason_to_stop_speaking(
    memory: Memory, outlet: Recorder, error: Exception
):
    class Blind(Recorder):
        async def show(self, draft: Outgoing, persona: object, text: str) -> str | None:
            raise error

    blind = Blind()
    blind.kept, blind.wait = True, 0.001
    async with preview_of(memory, blind) as preview:
        await preview.feed("Aye.")
        await asyncio.sleep(0.02)
        await preview.feed("Aye, it is wet.")


async def test_a_bug_while_showing_is_not_swallowed(memory: Memory, outlet: Recorder):
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


async def test_a_part_is_sent_once_and_noted(memory: Memory, outlet: Recorder):
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA)
    assert outlet.sent == [("mara", "Aye.")]
    assert not await state(memory, outgoing.key)


async def test_a_part_is_tried_until_the_platform_takes_it(memory: Memory, outlet: Recorder):
    naps = Naps()
    outlet.failures = [RetryLater("down"), RetryLater("down"), RetryLater("slow", 30.0), RetryLater("down")]
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA, naps)
    assert naps.taken == [1.0, 2.0, 30.0, 8.0]
    assert outlet.sent == [("mara", "Aye.")]
    assert not await state(memory, outgoing.key)


async def test_waits_grow_to_a_quarter_of_a_minute(memory: Memory, outlet: Recorder):
    naps = Naps()
    outlet.failures = [RetryLater("down") for _ in range(8)]
    await deliver(memory, outlet, await part(memory), MARA, naps)
    assert naps.taken == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0]


async def test_what_is_tried_again_says_that_it_may_be_there(memory: Memory):
    class Watching(Recorder):
        async def send(self, outgoing: Outgoing, persona: object) -> str | None:
            tried.append((outgoing.state, outgoing.attempts))
            return await super().send(outgoing, MARA)

    tried: list[tuple[str, int]] = []
    watching = Watching()
    watching.failures = [RetryLater("the connection broke")]
    await deliver(memory, watching, await part(memory), MARA, Naps())
    assert tried == [("queued", 0), ("sending", 1)]


async def test_what_the_platform_refuses_is_dropped_and_said_in_the_log(
    memory: Memory, outlet: Recorder, caplog: pytest.LogCaptureFixture
):
    outlet.failures = [DeliveryRefused("blocked by the user")]
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA)
    assert (outlet.sent, await state(memory, outgoing.key)) == ([], 0)
    assert [(record.message, record.__dict__["reason"]) for record in caplog.records] == [
        ("send_refused", "blocked by the user")
    ]


async def test_a_part_follows_its_chat_to_the_new_place(memory: Memory, outlet: Recorder):
    outlet.failures = [ChatMoved(NEW)]
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA)
    assert outlet.sent == [("mara", "Aye.")]
    assert [message.text for message in await memory.history(NEW)] == ["say 1", "Aye."]
