"""Another program takes a card's memory while the engine serves: requests wait, and the engine goes on."""

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.message import Place
from tests.fakes import tiny
from tests.fakes.card.card import Card, pretended_card
from tests.gpu.served import Served, weightless

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")

HERE = Place("test", "bot", "here")
SLAB = 8 << 20  # bytes of a slab of the model: far more than a step takes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with many keys and values for its size."""
    return tiny.save_model(tmp_path_factory.mktemp("wide"), num_key_value_heads=4, num_hidden_layers=8)


def leave(card: Card, room: int) -> None:
    """Let another program take all of the card's memory but so many bytes."""
    card.memory.others = card.memory.total - card.memory.allocated - room


def needed(folder: Path, data: Path) -> int:
    """Return the bytes that a prompt of 300 tokens takes: its slab and its largest step."""
    with pretended_card() as card, weightless():
        served = Served(folder, data)
        weights: list[int] = []

        def begin() -> None:
            weights.append(card.memory.allocated)
            card.memory.peak = card.memory.allocated

        served.then(begin)
        served.ask(tokens=300)
        served.run()
        return card.memory.peak - weights[0]


async def test_a_request_without_memory_waits_until_others_have_ended(folder: Path, tmp_path: Path) -> None:
    room = needed(folder, tmp_path) + SLAB // 4
    with pretended_card() as card, weightless():
        served = Served(folder, tmp_path)
        served.then(lambda: leave(card, room))
        streams = [served.ask(tokens=20), served.ask(tokens=300)]  # slots of two sizes: two slabs
        served.run()
    assert [stream.answers[0].finish for stream in streams] == ["length"] * 2


async def test_where_nothing_is_left_a_request_fails_by_a_sentence_and_a_later_one_is_answered(
    folder: Path, tmp_path: Path
) -> None:
    with pretended_card() as card, weightless():
        served = Served(folder, tmp_path)
        served.then(lambda: leave(card, SLAB // 2))
        failed = served.ask(tokens=20)
        later = served.ask(tokens=20, after=failed, first=lambda: leave(card, 8 * SLAB))
        served.run()
    with pytest.raises(UserError, match="close other programs"):
        await anext(failed)
    assert later.answers[0].finish == "length"


async def test_stored_prefixes_and_spare_slabs_give_way(folder: Path, tmp_path: Path) -> None:
    room = needed(folder, tmp_path) - SLAB // 4
    with pretended_card() as card, weightless():
        served = Served(folder, tmp_path)
        first = served.ask(tokens=20, place=HERE)
        second = served.ask(tokens=300, after=first, first=lambda: leave(card, room))
        served.run()
    assert second.answers[0].finish == "length"
