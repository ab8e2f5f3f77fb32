"""Parts sent once, tried until a platform takes them, dropped where it refuses, moved with their chat."""

import pytest

from bot.chat.delivery import ChatMoved, DeliveryRefused, RetryLater, deliver
from bot.memory.queries.records import Outgoing
from bot.memory.store import Memory
from bot.message import Place
from tests.conftest import MARA
from tests.fakes.outlet import Recorder
from tests.faults.memory_story import answer

NEW = Place("telegram", "bot", "-100777")


class Naps:
    """Sleeps no time, and keeps how long it was told to."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


async def part(memory: Memory) -> Outgoing:
    (outgoing,) = await answer(memory, ["m1"], "r1", text="Aye.")
    return outgoing


async def unsent(memory: Memory, key: str) -> int:
    return sum(one.key == key for one in await memory.unsent("telegram", "bot"))


async def test_a_part_is_sent_once_and_noted(memory: Memory, outlet: Recorder):
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA)
    assert outlet.sent == [("mara", "Aye.")]
    assert not await unsent(memory, outgoing.key)


async def test_a_part_is_tried_until_the_platform_takes_it(memory: Memory, outlet: Recorder):
    naps = Naps()
    outlet.failures = [RetryLater("down"), RetryLater("down"), RetryLater("slow", 30.0), RetryLater("down")]
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA, naps)
    assert naps.taken == [1.0, 2.0, 30.0, 8.0]
    assert outlet.sent == [("mara", "Aye.")]
    assert not await unsent(memory, outgoing.key)


async def test_waits_grow_to_15_seconds(memory: Memory, outlet: Recorder):
    naps = Naps()
    outlet.failures = [RetryLater("down") for _ in range(8)]
    await deliver(memory, outlet, await part(memory), MARA, naps)
    assert naps.taken == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0]


async def test_a_part_tried_again_has_the_state_sending(memory: Memory):
    class Watching(Recorder):
        async def send(self, outgoing: Outgoing, persona: object) -> str | None:
            tried.append((outgoing.state, outgoing.attempts))
            return await super().send(outgoing, MARA)

    tried: list[tuple[str, int]] = []
    watching = Watching()
    watching.failures = [RetryLater("the connection broke")]
    await deliver(memory, watching, await part(memory), MARA, Naps())
    assert tried == [("queued", 0), ("sending", 1)]


async def test_a_refused_part_is_dropped_and_logged(
    memory: Memory, outlet: Recorder, caplog: pytest.LogCaptureFixture
):
    outlet.failures = [DeliveryRefused("blocked by the user")]
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA)
    assert (outlet.sent, await unsent(memory, outgoing.key)) == ([], 0)
    assert [(record.message, record.__dict__["reason"]) for record in caplog.records] == [
        ("send_refused", "blocked by the user")
    ]


async def test_a_part_follows_its_chat_to_the_new_place(memory: Memory, outlet: Recorder):
    outlet.failures = [ChatMoved(NEW)]
    outgoing = await part(memory)
    await deliver(memory, outlet, outgoing, MARA)
    assert outlet.sent == [("mara", "Aye.")]
    assert [message.text for message in await memory.history(NEW)] == ["say 1", "Aye."]
