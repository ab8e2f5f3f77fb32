"""Training on a base model in every precision that serves, and with activation checkpointing."""

from pathlib import Path

import pytest

from tests.fixtures.tiny_training import SMALL, TinyPersona

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyPersona:
    return TinyPersona(tmp_path_factory.mktemp("built")).built()


@pytest.mark.parametrize("precision", ["bf16", "nf4", "int8"])
def test_the_validation_loss_falls_in_each_precision(
    built: TinyPersona, tmp_path: Path, precision: str
) -> None:
    persona = built.copy(tmp_path)
    persona.set_options(SMALL.replace("fp32", precision))
    code, _, error = persona.run("train")
    assert code == 0, error
    validation = [line["loss"] for line in persona.log() if line["event"] == "judged"]
    assert validation[-1] < validation[0], validation
    assert f"precision      {precision}" in error


def test_checkpointing_does_not_change_the_losses(built: TinyPersona, tmp_path: Path) -> None:
    losses = []
    for checkpointing in ("false", "true"):
        persona = built.copy(tmp_path / checkpointing)
        persona.set_options(f"{SMALL}deep = true\ncheckpointing = {checkpointing}\n")
        code, _, error = persona.run("train")
        assert code == 0, error
        losses.append([line["loss"] for line in persona.log() if line["event"] == "learned"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
