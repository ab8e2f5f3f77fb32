"""An adapter is served under the setting of thoughts that it was trained with."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapter.manifest import AdapterManifest
from bot.config import ModelSettings
from bot.errors import UserError
from bot.persona.persona import Persona
from bot.prompt.builder import open_prompt_format
from bot.prompt.contract import check_serving, prompt_contract
from tests.conftest import MARA
from tests.fakes.model import ByteTokenizer
from tests.fakes.templates import QWEN

TOKENIZER = ByteTokenizer()


def trained(folder: Path, settings: ModelSettings) -> Persona:
    """Return a persona with an adapter whose manifest names the prompts of these settings."""
    contract = prompt_contract(MARA, open_prompt_format(MARA, TOKENIZER, settings, 0), "")
    (folder / "manifest.json").write_text(json.dumps(AdapterManifest(contract=contract).as_json()))
    return replace(MARA, adapter=folder)


@pytest.mark.parametrize(("before", "now"), [("off", "hidden"), ("hidden", "off")])
def test_another_setting_is_refused_by_its_name(tmp_path: Path, before: str, now: str) -> None:
    then, served = (
        ModelSettings.model_validate({"template": QWEN, "thinking": each}) for each in (before, now)
    )
    persona = trained(tmp_path, then)
    check_serving(persona, TOKENIZER, then, "")
    with pytest.raises(UserError, match=f'it was trained with model.thinking = "{before}"; set that again'):
        check_serving(persona, TOKENIZER, served, "")
    with pytest.raises(UserError, match="another chat template"):
        check_serving(persona, TOKENIZER, ModelSettings(template="plain"), "")


def test_a_template_without_a_switch_serves_an_adapter_under_both(tmp_path: Path) -> None:
    persona = trained(tmp_path, ModelSettings(template="chatml"))
    check_serving(persona, TOKENIZER, ModelSettings(template="chatml", thinking="hidden"), "")
