"""The installed command on its platforms: refused logins, signals, a model that fails, a full disk."""

import asyncio
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bot.errors import EXIT_RESTART
from tests.faults.program import Program
from tests.faults.towns import DiscordTown, TelegramTown, Town


class Life:
    """The program in a folder of its own."""

    def __init__(self, folder: Path, *towns: Town) -> None:
        where = {name: value for town in towns for name, value in town.environment.items()}
        self.program, self.folder = Program(where, folder), folder

    async def ends(self) -> int:
        assert self.program.process
        return await asyncio.wait_for(self.program.process.wait(), 30)

    def send(self, number: signal.Signals) -> None:
        assert self.program.process
        with suppress(ProcessLookupError):  # it may have ended already
            self.program.process.send_signal(number)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Callable[..., Life]]:
    lives: list[Life] = []

    def made(*towns: Town) -> Life:
        folder = tmp_path / str(len(lives))
        folder.mkdir()
        lives.append(Life(folder, *towns))
        return lives[-1]

    yield made
    for life in lives:
        life.program.kill()
        if life.program.process:
            await life.program.process.wait()


Begin = Callable[..., Life]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def answered(town: Town, *numbers: int) -> bool:
    """Return True where the newest message of the first place answers these numbers and no others."""
    said = " ".join(f"#{number}" for number in numbers)
    return [seen.text.rpartition("\n")[2] for seen in town.seen(0)][-1:] == [f"I have heard {said} over"]


def token(town: DiscordTown) -> None:
    town.fake.rest.token = "another"


def intent(town: DiscordTown) -> None:
    town.fake.faults.clear()


def gateway(town: DiscordTown) -> None:
    town.fake.hub.token = "another"


def portal(town: DiscordTown) -> None:
    town.fake.knobs.privileged = 0


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (token, "Discord does not accept the token"),
        (intent, "The bot may not read messages"),
        (gateway, "Discord does not accept the token"),
        (portal, "The bot may not read messages"),
    ],
    ids=["token", "intent", "close 4004", "close 4014"],
)
async def test_a_fatal_error_of_discord_is_one_sentence_and_exit_code_2(
    begin: Begin, discord: DiscordTown, trouble: Callable[[DiscordTown], None], said: str
) -> None:
    life = begin(discord)
    trouble(discord)
    await life.program.start()
    assert await life.ends() == 2
    assert f"alterego: {said}" in life.log
    assert "Traceback" not in life.log
    assert len(discord.fake.connections) == (trouble in (gateway, portal))


async def test_a_wrong_token_of_telegram_is_one_sentence_and_exit_code_2(
    begin: Begin, telegram: TelegramTown
) -> None:
    life = begin(telegram)
    telegram.fake.token = "123456789:another_secret_that_is_as_long_as_one"
    await life.program.start()
    assert await life.ends() == 2
    assert "alterego: Telegram refuses TELEGRAM_TOKEN" in life.log
    assert len(telegram.fake.called("getMe")) == 1


async def test_a_model_that_cannot_be_loaded_ends_the_process_and_loses_no_message(
    begin: Begin, telegram: TelegramTown
) -> None:
    life = begin(telegram)
    telegram.say(1, 0)
    await life.program.start(FAILURE="There is no such model.")
    assert await life.ends() == 2
    assert "alterego: There is no such model." in life.log
    await life.program.start()
    await until(lambda: answered(telegram, 1))


@pytest.mark.parametrize("word", [1, 3])
async def test_a_lost_graphics_card_ends_the_process_for_a_restart_and_loses_no_message(
    begin: Begin, telegram: TelegramTown, word: int
) -> None:
    life = begin(telegram)
    telegram.say(1, 0)
    await life.program.start(LOST=str(word), DELAY="0.3")
    await until(lambda: telegram.signs(0))
    telegram.say(2, 0)
    assert await life.ends() == EXIT_RESTART
    assert "alterego: The model cannot go on: the graphics card stopped answering." in life.log
    assert "Traceback" not in life.log
    await life.program.start()
    await until(lambda: "#1" in said(telegram) and "#2" in said(telegram))


def said(town: Town) -> str:
    return " ".join(seen.text for seen in town.seen(0))


async def test_a_failed_platform_is_left_out_and_the_other_goes_on(
    begin: Begin, discord: DiscordTown, telegram: TelegramTown
) -> None:
    life = begin(discord, telegram)
    await life.program.start()
    await until(lambda: discord.meetings() and telegram.fake.updates.polling)
    discord.fake.close_gateway(4014)
    await until(lambda: "platform_left_out" in life.log)
    telegram.say(1, 0)
    await until(lambda: answered(telegram, 1))
    telegram.fake.token = "123456789:another_secret_that_is_as_long_as_one"
    assert await life.ends() == 2


async def test_a_platform_that_cannot_be_reached_holds_up_no_other(
    begin: Begin, discord: DiscordTown, telegram: TelegramTown
) -> None:
    life = begin(discord, telegram)
    await discord.fake.down()
    await life.program.start()
    telegram.say(1, 0)
    await until(lambda: answered(telegram, 1))
    await until(lambda: "discord_unreachable" in life.log)
    await discord.fake.up()
    await until(discord.meetings)
    discord.say(1, 0)
    await until(lambda: answered(discord, 1))
    assert await life.program.end() == 0


async def test_sigterm_ends_a_process_that_reaches_no_platform(begin: Begin, discord: DiscordTown) -> None:
    life = begin(discord)
    await discord.fake.down()
    await life.program.start()
    await until(lambda: "discord_unreachable" in life.log)
    assert await life.program.end() == 0


async def test_a_second_instance_of_a_token_ends_and_the_first_goes_on(
    begin: Begin, discord: DiscordTown
) -> None:
    first, second = begin(discord), begin(discord)
    await first.program.start()
    await until(discord.meetings)
    await second.program.start()
    assert await second.ends() == 2
    assert "Another alterego is running with this Discord token" in second.log
    discord.say(1, 0)
    await until(lambda: answered(discord, 1))


@pytest.mark.parametrize("numbers", [[signal.SIGINT], [signal.SIGTERM] * 2, [signal.SIGINT, signal.SIGTERM]])
async def test_every_signal_ends_the_process_with_0_and_the_next_process_answers(
    begin: Begin, telegram: TelegramTown, numbers: list[signal.Signals]
) -> None:
    life = begin(telegram)
    await life.program.start(DELAY="3600")
    telegram.say(1, 0)
    await until(lambda: telegram.signs(0))
    for number in numbers:
        life.send(number)
        await asyncio.sleep(0.1)
    assert await life.ends() == 0
    assert telegram.seen(0) == []
    await life.program.start()
    await until(lambda: answered(telegram, 1))


async def test_a_full_disk_stops_intake_and_loses_no_message(begin: Begin, telegram: TelegramTown) -> None:
    life = begin(telegram)
    await life.program.start()
    telegram.say(1, 0)
    await until(lambda: answered(telegram, 1))
    assert life.program.process
    log = life.program.memory.with_name("memory.db-wal")
    limit = (log.stat().st_size, resource.RLIM_INFINITY)
    resource.prlimit(life.program.process.pid, resource.RLIMIT_FSIZE, limit)
    telegram.say(2, 0)
    await until(lambda: "poll_failed" in life.log)
    assert len(telegram.seen(0)) == 1
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(life.program.process.pid, resource.RLIMIT_FSIZE, unlimited)
    await until(lambda: answered(telegram, 2))
    assert len(telegram.seen(0)) == 2
