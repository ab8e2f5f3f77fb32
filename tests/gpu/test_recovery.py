"""A card whose context is lost: the engine is made anew, or says that the process must be."""

from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

import pytest
import torch

from bot.engine.core.engine_core import EngineCore
from bot.engine.interface import Piece
from bot.engine.lora.active import LoadedAdapter
from bot.engine.runtime import recovery
from bot.errors import RestartNeeded, UserError
from tests.fakes.card.card import Card, pretended_card
from tests.gpu.served import Served, weightless

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

LOST = torch.AcceleratorError("CUDA error: unspecified launch failure")
DISGUISED = RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`")
MOMENTS = (  # operations on the card before it is lost
    pytest.param(0, marks=pytest.mark.slow),
    60,
    pytest.param(400, marks=pytest.mark.slow),
)


def recovering(card: Card) -> AbstractContextManager[object]:
    """Let the card compute again while the engine waits for it."""
    return mock.patch.object(recovery, "sleep", side_effect=lambda seconds: card.recover())


def never() -> AbstractContextManager[object]:
    return mock.patch.object(recovery, "sleep")


@pytest.mark.parametrize("after", MOMENTS)
@pytest.mark.parametrize("error", [LOST, DISGUISED])
async def test_requests_are_answered_by_an_engine_made_anew(
    folder: Path, tmp_path: Path, error: Exception, after: int
) -> None:
    with pretended_card() as card, weightless() as loads, recovering(card):
        served = Served(folder, tmp_path)
        served.then(lambda: card.fail(error, sticky=True, after=after, later=LOST))
        streams = [served.ask(), served.ask(tokens=40)]
        served.run()
    assert loads.call_count == 2
    assert [[answer.finish for answer in stream.answers] for stream in streams] == [["length"]] * 2
    assert (served.thread.state, served.listener.lost) == ("ready", None)


@pytest.mark.parametrize("after", MOMENTS)
async def test_where_the_card_stays_lost_every_request_is_left_to_the_next_process(
    folder: Path, tmp_path: Path, after: int
) -> None:
    with pretended_card() as card, weightless() as loads, never():
        served = Served(folder, tmp_path)
        served.then(lambda: card.fail(LOST, sticky=True, after=after))
        streams = [served.ask(), served.ask(tokens=40)]
        served.run()
        assert card.memory.allocated == 0
    assert loads.call_count == 1
    assert served.thread.state == "failed"
    assert isinstance(served.listener.lost, RestartNeeded)
    for stream in streams:
        with pytest.raises(RestartNeeded, match="start the bot again"):
            await anext(stream)


async def test_a_request_of_which_a_piece_was_seen_ends_with_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pretended_card() as card, weightless(), recovering(card):
        served = Served(folder, tmp_path)
        seen, unseen = served.ask(), served.ask()
        seen.push(Piece("Good mor"))
        served.then(lambda: card.fail(LOST, sticky=True, after=100))
        served.run()
    assert (await anext(seen)).text == "Good mor"
    with pytest.raises(UserError, match="cut off"):
        await anext(seen)
    assert unseen.answers


async def test_adapters_stay_registered_in_an_engine_made_anew(
    folder: Path, tmp_path: Path, adapter: LoadedAdapter
) -> None:
    with pretended_card() as card, weightless() as loads, recovering(card):
        served = Served(folder, tmp_path)

        def register() -> None:
            assert served.thread.core is not None
            served.thread.core.add_adapter(adapter)
            card.fail(LOST, sticky=True, after=60)

        served.then(register)
        stream = served.ask(adapter="mara")
        served.run()
    assert loads.call_count == 2
    assert stream.answers


async def test_an_error_that_the_card_survives_fails_one_request_and_loads_nothing(
    folder: Path, tmp_path: Path
) -> None:
    with pretended_card() as card, weightless() as loads:
        served = Served(folder, tmp_path)
        served.then(lambda: card.fail(LOST, after=30))
        stream = served.ask()
        served.run()
    assert (loads.call_count, served.thread.state) == (1, "ready")
    with pytest.raises(UserError, match="start the bot again"):
        await anext(stream)


async def test_a_card_that_is_lost_while_the_model_loads_asks_for_another_process(
    folder: Path, tmp_path: Path
) -> None:
    with pretended_card() as card, weightless():
        card.fail(LOST, sticky=True)
        served = Served(folder, tmp_path)
        stream = served.ask()
        served.run()
    assert isinstance(served.listener.failed, RestartNeeded)
    with pytest.raises(RestartNeeded):
        await anext(stream)


async def test_an_engine_that_was_left_holds_no_memory_of_the_card(folder: Path, tmp_path: Path) -> None:
    with pretended_card() as card, weightless():
        served = Served(folder, tmp_path)
        served.ask()
        served.run()
        assert (card.memory.allocated, card.memory.reserved) == (0, 0)
        assert card.memory.peak > 0


async def test_an_engine_that_is_left_while_it_answers_holds_no_memory_of_the_card(
    folder: Path, tmp_path: Path
) -> None:
    with pretended_card() as card, weightless():
        served = Served(folder, tmp_path)
        stream = served.ask()
        step = EngineCore.step

        def leave(core: EngineCore) -> None:
            step(core)
            served.thread.closing = True

        with mock.patch.object(EngineCore, "step", leave):
            served.run()
        assert not stream.finished
        assert card.memory.allocated == 0
