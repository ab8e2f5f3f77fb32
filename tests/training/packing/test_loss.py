"""The loss of packed lessons is transformers' own on the same labels, and so are its gradients."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from bot.errors import UserError
from tests.fakes.families import FAMILIES, REFUSED, save
from training.packing.layout import pack, tokens_of
from training.packing.loss import LossHead, Trunk
from training.packing.probe import make_packable
from training.tokenization.encode import TrainedSpan, TrainingExample
from training.tokenization.examples import TokenizedExample, tokenized_examples

APART = {"phi3-longrope-passed"}  # only its serving is refused: in a row each lesson has its own positions
CPU = torch.device("cpu")


def lessons(weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> list[TrainingExample]:
    """Four lessons of several lengths, one longer than a sliding window, one learned from its first id on."""
    dice = np.random.default_rng(3)
    spans = [((2, 5),), ((10, 18), (30, 40)), ((0, 9),), ((7, 8),)]
    return [
        TrainingExample(
            ids=tuple(dice.integers(5, 400, size).tolist()),
            trained=tuple(TrainedSpan(start, end, weight) for start, end in found),
        )
        for size, found, weight in zip((6, 45, 9, 30), spans, weights, strict=True)
    ]


def theirs(model: nn.Module, lesson: TrainingExample) -> torch.Tensor:
    """The mean loss that transformers computes, alone and without any of our attention."""
    ids, labels = torch.tensor([lesson.ids]), torch.tensor([lesson.labels()])
    loss: torch.Tensor = model(input_ids=ids, labels=labels).loss
    return loss


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_of_a_row_is_the_sum_of_what_transformers_finds_alone(family: str, tmp_path: Path) -> None:
    folder = save(family, tmp_path)
    alone = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    told = lessons((1.0, 0.5, 2.0, 0.25))
    made = tokenized_examples(told)
    expected = [
        theirs(alone, lesson) * float(row.weights[1:].sum()) for lesson, row in zip(told, made, strict=True)
    ]
    model = AutoModelForCausalLM.from_pretrained(folder)
    make_packable(model)
    packed = pack(made, CPU)
    for deep in (True, False):
        found = LossHead(model).loss(Trunk(model, deep).eval()(packed), packed)
        torch.testing.assert_close(found, torch.stack(expected).sum(), atol=1e-3, rtol=1e-4)


def test_gradients_are_those_of_transformers_also_in_chunks(tmp_path: Path) -> None:
    folder = save("gemma2", tmp_path)
    made = tokenized_examples(lessons())
    alone, model = (
        AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager") for _ in range(2)
    )
    sum(theirs(alone, lesson) * row.learned for lesson, row in zip(lessons(), made, strict=True)).backward()  # type: ignore[union-attr]
    make_packable(model)
    packed, head = pack(made, CPU), LossHead(model)
    head.rows = 5
    head.loss(Trunk(model, deep=True).eval()(packed), packed).backward()  # type: ignore[no-untyped-call]
    for name, ours in model.model.layers.named_parameters():
        torch.testing.assert_close(
            ours.grad, alone.model.layers.get_parameter(name).grad, atol=1e-3, rtol=1e-3
        )


BEGINNINGS = (  # lessons of a tree, with the ids that each learns: one within another, two that fork twice
    (tuple(range(5, 30)), (3, 9)),
    ((*range(5, 20), *range(60, 80)), (16, 22)),
    ((*range(5, 20), *range(60, 70), 200, 201), (25, 27)),
    (tuple(range(5, 17)), (8, 12)),
    ((300, 301, 302), (1, 3)),
)


def tree() -> list[TokenizedExample]:
    return tokenized_examples(
        TrainingExample(ids=ids, trained=(TrainedSpan(*span, 1.0),)) for ids, span in BEGINNINGS
    )


def gradients(model: nn.Module, parts: list[list[TokenizedExample]], deep: bool) -> dict[str, torch.Tensor]:
    """Of the loss of all rows together."""
    model.zero_grad()
    for part in parts:
        packed = pack(part, CPU)
        LossHead(model).loss(Trunk(model, deep).eval()(packed), packed).backward()  # type: ignore[no-untyped-call]
    layers = model.get_submodule("model.layers").named_parameters()
    return {name: each.grad.clone() for name, each in layers if each.grad is not None}


@pytest.mark.parametrize("family", ["llama", "mistral", "gemma3"])
@pytest.mark.parametrize("deep", [True, False])
def test_what_lessons_begin_with_is_read_once_and_teaches_the_same(
    family: str, deep: bool, tmp_path: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(save(family, tmp_path))
    make_packable(model)
    made = tree()
    assert tokens_of(made) < sum(len(row.ids) for row in made) - len(made)
    assert len(pack(made, CPU).ids) <= tokens_of(made)
    expected = gradients(model, [[row] for row in made], deep)
    for name, found in gradients(model, [made], deep).items():
        torch.testing.assert_close(found, expected[name], atol=1e-5, rtol=1e-3)


def test_where_all_that_is_read_is_learned_its_gradients_are_those_of_the_deep_way(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save("llama", tmp_path))
    make_packable(model)
    whole = tokenized_examples([TrainingExample(ids=tuple(range(5, 25)), trained=(TrainedSpan(0, 20, 1.0),))])
    expected = gradients(model, [whole], deep=True)
    for name, found in gradients(model, [whole], deep=False).items():
        torch.testing.assert_close(found, expected[name], atol=1e-5, rtol=1e-3)


def test_only_answers_are_learned_from_unless_it_is_deep(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save("llama", tmp_path))
    make_packable(model)
    late = tokenized_examples([TrainingExample(ids=tuple(range(5, 25)), trained=(TrainedSpan(19, 20, 1.0),))])
    keys = "0.self_attn.k_proj.weight"
    deep, answers = (gradients(model, [late], way)[keys] for way in (True, False))
    assert not torch.allclose(deep, answers)


@pytest.mark.parametrize("family", sorted(set(REFUSED) - APART))
def test_a_model_that_carries_more_from_token_to_token_is_refused(family: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save(family, tmp_path))
    with pytest.raises(UserError, match="cannot be trained in rows"):
        make_packable(model)


def test_what_teaches_nothing_is_left_out_and_the_first_id_is_never_learned() -> None:
    first = TrainingExample(ids=(5, 6), trained=(TrainedSpan(0, 1, 1.0),))
    both = TrainingExample(ids=(5, 6), trained=(TrainedSpan(0, 2, 1.0),))
    (row,) = tokenized_examples([first, both])
    packed = pack([row, row], CPU)
    assert (packed.ids.tolist(), packed.before.tolist(), packed.targets.tolist()) == ([5], [0, 0], [6, 6])
    assert TokenizedExample.learned.fget(row) == 1  # type: ignore[attr-defined]
