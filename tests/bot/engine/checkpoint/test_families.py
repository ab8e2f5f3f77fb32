"""Families of models whose code lies beside their weights are refused by name, before anything is loaded."""

import json
from pathlib import Path

import pytest

from bot.engine.checkpoint.families import refusal_of, standing_of
from bot.engine.model_loader.packed.choice import read_folder_config
from bot.errors import UserError

OWN_CODE = ("chatglm", "internlm2", "internlm", "baichuan")


@pytest.mark.parametrize("family", OWN_CODE)
def test_a_family_with_code_of_its_own_is_refused_with_what_to_take(family: str) -> None:
    standing, reason = standing_of(family, is_gguf=False)
    assert standing == "refused"
    assert reason.startswith(f"{family} needs code that lies beside its weights, which is never run: take a")


@pytest.mark.parametrize("family", OWN_CODE)
def test_its_folder_is_refused_with_the_same_words(family: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": family, "auto_map": {"AutoConfig": "x.Y"}})
    )
    with pytest.raises(UserError) as refused:
        read_folder_config(tmp_path, "some/model")
    assert str(refused.value) == f"The model in some/model cannot be served: {refusal_of(family)}."


@pytest.mark.parametrize("family", ["llama", "qwen3", "glm4", "unheard-of"])
def test_other_families_are_not_refused_so(family: str) -> None:
    assert refusal_of(family) == ""
