"""Loss and gradients of packed examples are those of transformers on the same labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM

from bot.errors import UserError
from tests.fakes.families import FAMILIES, REFUSED, save
from training.packing.layout import pack_examples, packed_length
from training.packing.loss import Backbone, LossHead
from training.packing.probe import make_packable
from training.tokenization.encode import TrainedSpan, TrainingExample
from training.tokenization.examples import TokenizedExample, tokenized_examples

# Only serving refuses this one: in a packed row, each example has its own positions.
TRAINABLE = {"phi3-longrope-passed"}
CPU = torch.device("cpu")


def training_examples(weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)) -> list[TrainingExample]:
    """Return four examples, one longer than a sliding window, one with labels from its first id on."""
    rng = np.random.default_rng(3)
    spans = [((2, 5),), ((10, 18), (30, 40)), ((0, 9),), ((7, 8),)]
    return [
        TrainingExample(
            ids=tuple(rng.integers(5, 400, size).tolist()),
            trained=tuple(TrainedSpan(start, end, weight) for start, end in found),
        )
        for size, found, weight in zip((6, 45, 9, 30), spans, weights, strict=True)
    ]


def reference_loss(model: nn.Module, example: TrainingExample) -> torch.Tensor:
    """Return the mean loss of an example alone, by transformers with its own attention."""
    ids, labels = torch.tensor([example.ids]), torch.tensor([example.labels()])
    loss: torch.Tensor = model(input_ids=ids, labels=labels).loss
    return loss


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_of_a_row_is_the_sum_of_the_losses_by_transformers(family: str, tmp_path: Path) -> None:
    folder = save(family, tmp_path)
    alone = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    examples = training_examples((1.0, 0.5, 2.0, 0.25))
    made = tokenized_examples(examples)
    expected = [
        reference_loss(alone, example) * float(row.weights[1:].sum())
        for example, row in zip(examples, made, strict=True)
    ]
    model = AutoModelForCausalLM.from_pretrained(folder)
    make_packable(model)
    packed = pack_examples(made, CPU)
    for full_backprop in (True, False):
        found = LossHead(model).loss(Backbone(model, full_backprop).eval()(packed), packed)
        torch.testing.assert_close(found, torch.stack(expected).sum(), atol=1e-3, rtol=1e-4)


def test_gradients_are_those_of_transformers_in_chunks_too(tmp_path: Path) -> None:
    folder = save("gemma2", tmp_path)
    made = tokenized_examples(training_examples())
    alone, model = (
        AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager") for _ in range(2)
    )
    pairs = zip(training_examples(), made, strict=True)
    sum(reference_loss(alone, each) * row.learned for each, row in pairs).backward()  # type: ignore[union-attr]
    make_packable(model)
    packed, head = pack_examples(made, CPU), LossHead(model)
    head.chunk_rows = 5
    head.loss(Backbone(model, full_backprop=True).eval()(packed), packed).backward()  # type: ignore[no-untyped-call]
    for name, ours in model.model.layers.named_parameters():
        torch.testing.assert_close(
            ours.grad, alone.model.layers.get_parameter(name).grad, atol=1e-3, rtol=1e-3
        )


# Ids and label span of each example: one is a prefix of another, two fork twice.
TREE = (
    (tuple(range(5, 30)), (3, 9)),
    ((*range(5, 20), *range(60, 80)), (16, 22)),
    ((*range(5, 20), *range(60, 70), 200, 201), (25, 27)),
    (tuple(range(5, 17)), (8, 12)),
    ((300, 301, 302), (1, 3)),
)


def prefix_tree() -> list[TokenizedExample]:
    return tokenized_examples(
        TrainingExample(ids=ids, trained=(TrainedSpan(*span, 1.0),)) for ids, span in TREE
    )


def gradients(
    model: nn.Module, rows: list[list[TokenizedExample]], full_backprop: bool
) -> dict[str, torch.Tensor]:
    """Return the gradients of the summed loss of rows, by the weight's name."""
    model.zero_grad()
    for row in rows:
        packed = pack_examples(row, CPU)
        LossHead(model).loss(Backbone(model, full_backprop).eval()(packed), packed).backward()  # type: ignore[no-untyped-call]
    layers = model.get_submodule("model.layers").named_parameters()
    return {name: each.grad.clone() for name, each in layers if each.grad is not None}


@pytest.mark.parametrize("family", ["llama", "mistral", "gemma3"])
@pytest.mark.parametrize("full_backprop", [True, False])
def test_a_shared_prefix_is_computed_once_and_gives_the_same_gradients(
    family: str, full_backprop: bool, tmp_path: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(save(family, tmp_path))
    make_packable(model)
    made = prefix_tree()
    assert packed_length(made) < sum(len(row.ids) for row in made) - len(made)
    assert len(pack_examples(made, CPU).ids) <= packed_length(made)
    expected = gradients(model, [[row] for row in made], full_backprop)
    for name, found in gradients(model, [made], full_backprop).items():
        torch.testing.assert_close(found, expected[name], atol=1e-5, rtol=1e-3)


def test_with_a_label_at_every_token_gradients_are_those_of_full_backprop(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save("llama", tmp_path))
    make_packable(model)
    whole = tokenized_examples([TrainingExample(ids=tuple(range(5, 25)), trained=(TrainedSpan(0, 20, 1.0),))])
    expected = gradients(model, [whole], full_backprop=True)
    for name, found in gradients(model, [whole], full_backprop=False).items():
        torch.testing.assert_close(found, expected[name], atol=1e-5, rtol=1e-3)


def test_gradients_go_through_answers_alone_without_full_backprop(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save("llama", tmp_path))
    make_packable(model)
    late = tokenized_examples([TrainingExample(ids=tuple(range(5, 25)), trained=(TrainedSpan(19, 20, 1.0),))])
    keys = "0.self_attn.k_proj.weight"
    through_all, through_answers = (gradients(model, [late], full)[keys] for full in (True, False))
    assert not torch.allclose(through_all, through_answers)


@pytest.mark.parametrize("family", sorted(set(REFUSED) - TRAINABLE))
def test_a_model_that_carries_a_state_from_token_to_token_is_refused(family: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(save(family, tmp_path))
    with pytest.raises(UserError, match="cannot be trained in rows"):
        make_packable(model)


def test_an_example_without_labels_is_left_out_and_the_first_id_is_never_a_label() -> None:
    first = TrainingExample(ids=(5, 6), trained=(TrainedSpan(0, 1, 1.0),))
    both = TrainingExample(ids=(5, 6), trained=(TrainedSpan(0, 2, 1.0),))
    (row,) = tokenized_examples([first, both])
    packed = pack_examples([row, row], CPU)
    assert (packed.ids.tolist(), packed.logits_indices.tolist(), packed.targets.tolist()) == (
        [5],
        [0, 0],
        [6, 6],
    )
    assert TokenizedExample.learned.fget(row) == 1  # type: ignore[attr-defined]
