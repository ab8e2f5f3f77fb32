"""Fixtures of many test files: a cast of invented personas, and a chat in a temporary folder."""

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from bot.chat.chat import Chat
from bot.config import ChatSettings, ModelSettings
from bot.memory.store import Memory
from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.persona import Cast, Persona
from tests.fakes.model import ScriptedEngine
from tests.fakes.outlet import Recorder
from tests.paths import ROOT

MARA = Persona(
    "mara",
    Card(
        name="Mara",
        description="Keeps a light.",
        first_mes="Sit, {{user}}.",
        alternate_greetings=("Door's open, {{user}}.",),
    ),
)
OZZO = Persona("ozzo", Card(name="Ozzo", description="Carries bags."), names=("bellhop",))
PLACE = Place("test", "bot", "room")

# files of a minute and more, longest first: `make test` gives files to its workers in this order, so that no
# worker is left alone with a long one at the end; `pytest --durations=0` shows what belongs here
LONG_FILES = """
end_to_end/test_real_model training/adapters/test_export_real training/commands/test_make
complexity/test_functions gpu/test_launches gpu/test_adapter_memory bot/prompt/test_chat_template_bounds
bot/test_main complexity/test_documents gpu/test_lack_of_memory bot/engine/model_loader/test_default_model
bot/engine/model_executor/test_families bot/engine/kernels/test_harness windows/test_training
notebooks/test_train_a_persona training/distributed/test_processes gpu/test_recovery
training/trainer/test_resume training/trainer/test_canaries training/evaluation/test_evaluate
bot/engine/local/test_card_engine gpu/test_training_memory gpu/test_memory_budget security/test_growth
end_to_end/test_campaign end_to_end/test_campaign_telegram end_to_end/test_soak
bot/engine/kernels/test_compiler bot/memory/test_kill test_read_only bot/memory/test_faults bot/app/test_host
bot/engine/local/test_random_requests bot/platforms/terminal/test_repl windows/test_terminal
bot/prompt/test_forged_turns training/commands/test_forget_erases
""".split()

# threads of torch that wait give the processor to other tests, and to programs that tests start
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# a slow machine is no failure
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--slow`: whole tables of what the other tests try a few rows of."""
    parser.addoption("--slow", action="store_true", help="run tests marked slow, some twenty minutes")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the locks of tokens in a folder of this test process, which `pytest_unconfigure` deletes."""
    os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="alterego-state-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Delete the locks."""
    shutil.rmtree(os.environ.pop("XDG_STATE_HOME"), ignore_errors=True)


def pytest_collection_finish() -> None:
    """Let later collections of garbage pass over the tests themselves, of which there are twenty thousand."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long files first; skip tests marked `slow` without `--slow`."""
    ranks = {ROOT / f"tests/{name}.py": rank for rank, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
    for item in items:
        if item.get_closest_marker("slow") and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


class Stage:
    """A chat with memory, scripted engine and recording outlet; it can be reopened on the same memory."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.engine, self.outlet = folder, ScriptedEngine(), Recorder()
        self.settings, self.cast = (
            ChatSettings(debounce=0, bot_debounce=0),
            Cast({"mara": MARA, "ozzo": OZZO}, {}),
        )
        self.model = ModelSettings()
        self.chat: Chat
        self.memory: Memory
        self._open = AsyncExitStack()
        self._count = 0

    async def start(self) -> "Stage":
        self.memory = await self._open.enter_async_context(Memory(self.folder / "memory.db"))
        self.chat = Chat(
            self.memory, self.engine, self.cast, self.settings, self.model, clock=lambda: float(self._count)
        )
        await self._open.enter_async_context(self.chat)
        self.chat.join("test", self.outlet)
        return self

    async def stop(self) -> None:
        await self._open.aclose()

    async def restart(self, **settings: float) -> None:
        """Close the chat and open it again on the same memory, with other settings."""
        await self.stop()
        self.settings = ChatSettings(**{"debounce": 0, **settings})
        await self.start()

    def message(self, text: str, name: str = "Ana", address: str = "direct", place: Place = PLACE) -> Message:
        self._count += 1
        author = Author(name.casefold(), name)
        return Message(place, str(self._count), author, text, float(self._count), address=address)  # type: ignore[arg-type]

    async def say(self, text: str, name: str = "Ana", address: str = "direct", place: Place = PLACE) -> None:
        """Receive a message and wait until it has been answered."""
        await self.chat.receive(self.message(text, name, address, place))
        await self.chat.worker(place).idle()

    async def history(self, place: Place = PLACE) -> list[str]:
        return [f"{m.author.name}: {m.text}" for m in await self.memory.history(place)]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    built = Stage(tmp_path)
    yield await built.start()
    await built.stop()


@pytest.fixture
def new_stage(tmp_path: Path) -> Callable[[], Stage]:
    """Return stages on one folder, to be opened one after another: a bot that is started again."""
    return lambda: Stage(tmp_path)
