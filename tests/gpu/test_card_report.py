"""What `doctor` tells of a graphics card: the card, memory by part, conversations, and what limits speed."""

import json
from pathlib import Path

import pytest

from bot.config import ModelSettings
from bot.engine.model_loader.card_report import card_lines
from bot.engine.runtime import nvidia
from bot.errors import UserError
from tests.fakes.card.card import pretended_card
from tests.fakes.card.models import config_of

GIB = 1 << 30
LISTED = nvidia.ListedCard("NVIDIA GeForce RTX 3060", 581.29, 8.6)


@pytest.fixture(autouse=True)
def driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.engine.model_loader.card_report.listed_card", lambda: LISTED)


def base(folder: Path, name: str, size: float = 15e9) -> Path:
    """A folder with the config.json of a base model, and a file of one tensor as long as its weights."""
    config_of(name).save_pretrained(folder)
    tensor = {"dtype": "U8", "shape": [int(size)], "data_offsets": [0, int(size)]}
    header = json.dumps({"all": tensor}).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.truncate(8 + len(header) + int(size))
    return folder


def lines(folder: Path, **more: object) -> list[str]:
    return list(card_lines(ModelSettings.model_validate({"name": str(folder)} | more)))


def test_a_card_is_described_with_what_a_model_leaves_there(tmp_path: Path) -> None:
    with pretended_card(memory=12 * GIB, name=LISTED.name):
        found = lines(base(tmp_path, "Qwen2.5-7B"))
    assert found == [
        "cuda:0 is NVIDIA GeForce RTX 3060: driver 581.29, compute capability 8.6, 12,288 MB, of which "
        "11,788 are free",
        "memory of cuda:0 in MB, predicted: weights 5,289 (of these, 98 for scales of nf4), a step 754, 4 "
        "adapters of rank 16 327, conversations 5,416, other programs and the driver 500",
        "room for conversations: 24 of 4,000 tokens, or 96 of 1,000 tokens; 32 are answered at once",
        "speed, estimated and never measured on a card: at most 78 tokens/s for one reply and 514 for 8 "
        "together, limited by the card's memory, 360 GB/s: a step reads 4.5 GB of weights and 143 MB for "
        "each reply, its adapter and a conversation of 1,000 tokens",
    ]


@pytest.mark.parametrize(
    ("name", "precision", "count", "expected"),
    [
        ("Qwen3-8B", "nf4", 1, ["cuda:0"]),
        ("Llama-3.1-8B", "bf16", 2, ["cuda:0", "cuda:1"]),
        ("Qwen3-4B", "bf16", 2, ["cuda:0"]),
    ],
)
def test_memory_is_told_for_the_cards_that_would_hold_the_model(
    tmp_path: Path, name: str, precision: str, count: int, expected: list[str]
) -> None:
    with pretended_card(memory=12 * GIB, count=count):
        found = lines(base(tmp_path, name), precision=precision)
    memory = [line.split()[2] for line in found if line.startswith("memory of")]
    assert memory == expected
    assert found[-1] == "speed: unknown, since nothing tells the bandwidth of this card's memory"


def test_a_card_without_room_to_talk_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pretended_card(memory=6 * GIB), pytest.raises(UserError, match=r"MB for conversations, and 1,024 "):
        lines(base(tmp_path, "Qwen3-8B"))


def test_a_model_that_was_never_fetched_is_told_later() -> None:
    with pretended_card():
        assert lines(Path("invented/model"))[1:] == [
            "memory and speed are told once invented/model is fetched from the hub, at the first start"
        ]


def test_a_model_that_transformers_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    folder = base(tmp_path, "Qwen3-4B")
    (folder / "config.json").write_text('{"model_type": "invented"}')
    with pretended_card(), pytest.raises(UserError, match=r"could not be loaded \(ValueError"):
        lines(folder)


def test_of_a_cpu_nothing_is_told(tmp_path: Path) -> None:
    assert lines(tmp_path, device="cpu") == []
