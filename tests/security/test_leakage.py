"""What is said in one place is known in no other: twenty places, on two platforms with the same ids."""

import re
from collections.abc import AsyncIterator, Callable

import pytest

from bot.chat.commands import run_line
from bot.engine.interface import Request
from bot.message import Author, Message, Place
from tests.conftest import Stage
from tests.fakes.model import ScriptedEngine, ScriptedGeneration

PLACES = [Place(platform, "9", str(chat)) for chat in range(10) for platform in ("discord", "telegram")]
COMMANDS = ("/again", "/continue", "/why", "/status", "/settings", "/personas")


def known(text: str) -> set[str]:
    return set(re.findall(r"canary-\w+", text))


class Parrot(ScriptedEngine):
    """Says every canary that stands in its prompt, and remembers in which place that was."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[tuple[Place, set[str]]] = []

    def generate(self, request: Request) -> ScriptedGeneration:
        found = known(self._tokenizer.spell(request.ids))
        assert request.place
        self.read.append((request.place, found))
        self.script.append(" ".join(["I know", *sorted(found)]))
        return super().generate(request)


class Town:
    """The same person with the same ids in every place."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.engine, self.told = stage, Parrot(), list[str]()
        stage.engine = self.engine

    async def start(self) -> None:
        await self.stage.start()
        for platform in ("discord", "telegram"):
            self.stage.chat.join(platform, self.stage.outlet)

    async def say(self, number: int, text: str) -> None:
        """Say this everywhere, and wait for the answers."""
        for place in PLACES:
            words = text.format(canary=canary(place))
            said = Message(place, str(number), Author("7", "Ana"), words, float(number), address="direct")
            await self.stage.chat.receive(said)
            await self.stage.chat.worker(place).idle()

    async def ask(self) -> None:
        """Give every command everywhere."""
        for place in PLACES:
            for line in COMMANDS:
                user = Author("7", "Ana")
                self.told.append(await run_line(line, self.stage.chat, self.stage.memory, place, user))
                await self.stage.chat.worker(place).idle()


def canary(place: Place) -> str:
    return f"canary-{place.platform}{place.chat}"


@pytest.fixture
async def town(new_stage: Callable[[], Stage]) -> AsyncIterator[Town]:
    """Where a secret was said everywhere and asked for, before a restart and behind it."""
    first = Town(new_stage())
    await first.start()
    await first.say(1, "Keep {canary} to yourself.")
    await first.say(2, "What do you know?")
    await first.ask()
    await first.stage.stop()
    second = Town(new_stage())
    second.engine.read, second.told = first.engine.read, first.told
    await second.start()
    await second.say(3, "What do you still know?")
    await second.ask()
    yield second
    await second.stage.stop()


async def test_no_prompt_holds_what_was_said_elsewhere(town: Town) -> None:
    assert len(town.engine.read) == len(PLACES) * (2 + 2 + 1 + 2)
    assert [(place, found) for place, found in town.engine.read if found != {canary(place)}] == []


async def test_no_answer_holds_what_was_said_elsewhere(town: Town) -> None:
    for place in PLACES:
        answers = [m.text for m in await town.stage.memory.history(place) if m.persona]
        assert known(" ".join(answers)) == {canary(place)}


async def test_no_command_shows_what_was_said_anywhere(town: Town) -> None:
    assert len(town.told) == 2 * len(PLACES) * len(COMMANDS)
    assert known(" ".join(town.told)) == set()
