"""What a GGUF file lacks is said before a weight is read."""

from dataclasses import replace
from pathlib import Path

import gguf
import pytest

from bot.app.doctor import run_checks
from bot.config import ModelSettings
from bot.engine.checkpoint.gguf.gguf_file import GgufFile, open_gguf
from bot.engine.model_loader.gguf_check import check_gguf_model
from bot.errors import UserError
from tests.bot.engine.checkpoint.gguf.variants import make_model
from tests.conftest import MARA
from tests.fakes.gguf_models import write_model
from tests.paths import ROOT

PLAIN = ModelSettings(name="model.gguf")


def file_with(path: Path, pre: str, template: str = "") -> GgufFile:
    def add(writer: gguf.GGUFWriter) -> None:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(pre)
        if template:
            writer.add_chat_template(template)

    return open_gguf(write_model(path / "model.gguf", make_model("llama"), add))


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    file = file_with(tmp_path, "qwen2")
    fault = "has no chat template: set model.template to chatml, plain or one of your own."
    with pytest.raises(UserError) as refused:
        check_gguf_model(file, PLAIN, [replace(MARA, template="chatml"), MARA])
    assert str(refused.value) == f"The model model.gguf {fault}"


def test_a_template_of_the_model_the_settings_or_the_persona_is_enough(tmp_path: Path) -> None:
    file = file_with(tmp_path, "qwen2")
    check_gguf_model(file, PLAIN.model_copy(update={"template": "plain"}), [MARA])
    check_gguf_model(file, PLAIN, [replace(MARA, template="chatml")])
    check_gguf_model(file, PLAIN, [])
    check_gguf_model(file_with(tmp_path, "qwen2", "{{ messages }}"), PLAIN, [MARA])


def test_an_unknown_tokenizer_is_refused_although_nobody_speaks(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="splits texts in the unknown way gpt-9"):
        check_gguf_model(file_with(tmp_path, "gpt-9", "{{ messages }}"), PLAIN, [])


async def test_doctor_says_so_before_anything_is_converted(tmp_path: Path) -> None:
    file_with(tmp_path, "qwen2")
    config = tmp_path / "config.toml"
    config.write_text(
        f'[model]\nname = "{tmp_path}/model.gguf"\nnative = false\ndevice = "cpu"\n'
        f'[paths]\npersonas = "{ROOT}/personas"\ndata = "{tmp_path}/data"\n'
    )
    told = [finding.text for finding in await run_checks(config) if finding.subject == "template"]
    remedy = "set model.template to chatml, plain or one of your own."
    assert told == [f"The model {tmp_path}/model.gguf has no chat template: {remedy}"]
    assert not (tmp_path / "data/models").exists()
