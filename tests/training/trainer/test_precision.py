"""Training on a base model in every precision that serves, and with less memory."""

from pathlib import Path

import pytest

from tests.fixtures.tiny_training import SMALL, School

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("built")).built()


@pytest.mark.parametrize("precision", ["bf16", "nf4", "int8"])
def test_each_precision_learns_what_is_held_out(built: School, tmp_path: Path, precision: str) -> None:
    school = built.copy(tmp_path)
    school.set(SMALL.replace("fp32", precision))
    code, _, error = school.run("train")
    assert code == 0, error
    judged = [line["loss"] for line in school.log() if line["event"] == "judged"]
    assert judged[-1] < judged[0], judged
    assert f"precision      {precision}" in error


def test_checkpointing_learns_the_same_as_without(built: School, tmp_path: Path) -> None:
    losses = []
    for checkpointing in ("false", "true"):
        school = built.copy(tmp_path / checkpointing)
        school.set(f"{SMALL}deep = true\ncheckpointing = {checkpointing}\n")
        code, _, error = school.run("train")
        assert code == 0, error
        losses.append([line["loss"] for line in school.log() if line["event"] == "learned"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
