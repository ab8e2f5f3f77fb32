"""The loss of packed lessons is transformers' own on the same labels, and so are its gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from bot.errors import UserError
from tests.fakes.families import FAMILIES, REFUSED, save
from training.corpus import Row, rows
from training.encode import Lesson, Trained
from training.loss import Head, Trunk
from training.packing import make_packable, pack

APART = {"phi3-longrope-passed"}  # only its serving is refused: in a row each lesson has its own positions
CPU = torch.device("cpu")


def lessons(weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> list[Lesson]:
    """Four lessons of several lengths, one longer than a sliding window, one learned from its first id on."""
    dice = np.random.default_rng(3)
    spans = [((2, 5),), ((10, 18), (30, 40)), ((0, 9),), ((7, 8),)]
    return [
        Lesson(
            ids=tuple(dice.integers(5, 400, size).tolist()),
            trained=tuple(Trained(start, end, weight) for start, end in found),
        )
        for size, found, weight in zip((6, 45, 9, 30), spans, weights, strict=True)
    ]


def theirs(model: nn.Module, lesson: Lesson) -> torch.Tensor:
    """The mean loss that transformers computes, alone and without any of our attention."""
    ids, labels = torch.tensor([lesson.ids]), torch.tensor([lesson.labels()])
    loss: torch.Tensor = model(input_ids=ids, labels=labels).loss
    return loss


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_of_a_row_is_the_sum_of_what_transformers_finds_alone(family: str, tmp_path: Path) -> None:
    folder = save(family, tmp_path)
    alone = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    told = lessons((1.0, 0.5, 2.0, 0.25))
    made = rows(told)
    expected = [
        theirs(alone, lesson) * float(row.weights[1:].sum()) for lesson, row in zip(told, made, strict=True)
    ]
    model = AutoModelForCausalLM.from_pretrained(folder)
    make_packable(model)
    packed = pack(made, CPU)
    found = Head(model).loss(Trunk(model)(packed), packed)
    torch.testing.assert_close(found, torch.stack(expected).sum(), atol=1e-3, rtol=1e-4)


def test_gradients_are_those_of_transformers_also_in_chunks(tmp_path: Path) -> None:
    folder = save("gemma2", tmp_path)
    made = rows(lessons())
    alone, model = (
        AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager") for _ in range(2)
    )
    sum(theirs(alone, lesson) * row.learned for lesson, row in zip(lessons(), made, strict=True)).backward()  # type: ignore[union-attr]
    make_packable(model)
    packed, head = pack(made, CPU), Head(model)
    head.rows = 5
    head.loss(Trunk(model)(packed), packed).backward()  # type: ignore[no-untyped-call]
    for name, ours in model.model.layers.named_parameters():
        torch.testing.assert_close(
            ours.grad, alone.model.layers.get_parameter(name).grad, atol=1e-3, rtol=1e-3
        )


@pytest.mark.parametrize("family", sorted(set(REFUSED) - APART))
def test_a_model_that_carries_more_from_token_to_token_is_refused(family: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save(family, tmp_path))
    with pytest.raises(UserError, match="cannot be trained in rows"):
        make_packable(model)


def test_what_teaches_nothing_is_left_out_and_the_first_id_is_never_learned() -> None:
    first = Lesson(ids=(5, 6), trained=(Trained(0, 1, 1.0),))
    both = Lesson(ids=(5, 6), trained=(Trained(0, 2, 1.0),))
    (row,) = rows([first, both])
    packed = pack([row, row], CPU)
    assert (packed.before.tolist(), packed.targets.tolist()) == ([0, 2], [6, 6])
    assert Row.learned.fget(row) == 1  # type: ignore[attr-defined]
