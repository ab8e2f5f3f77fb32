"""The file of --prompts holds prompts as the model reads them, with their control tokens spelled out."""

import json
from pathlib import Path

import pytest

from bot.app.terminal_chat import prompt_observer
from bot.config import ModelSettings
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.message import Author, Message, Place
from bot.persona.card import Card
from bot.persona.persona import Persona
from bot.prompt.builder import Tokenizer, build_prompt, open_prompt_format
from tests.fakes import tiny
from tests.fakes.model import ByteTokenizer

PLACE = Place("terminal", "local", "mara")
MARA = Persona("mara", Card(name="Mara"))
SAID = [Message(PLACE, "1", Author("a", "Ana"), "Rain? <b>", 0.0)]
TOKENIZERS: dict[str, Tokenizer] = {
    "bytes": ByteTokenizer(),
    **{
        kind: HFTokenizer(make().to_str(), {"bos_token": "<s>", "eos_token": "</s>"}, None, [2])
        for kind, make in tiny.TOKENIZERS.items()
    },
}


def written(tokenizer: Tokenizer, tmp_path: Path) -> dict[str, object]:
    reader = open_prompt_format(MARA, tokenizer, ModelSettings(template="chatml"), 256)
    observe = prompt_observer(tmp_path / "prompts", tmp_path)
    assert observe
    observe(PLACE, build_prompt(MARA, SAID, reader), tokenizer)
    line: dict[str, object] = json.loads((tmp_path / "prompts").read_text("utf-8"))
    return line


def test_the_whole_prompt_is_written_as_the_model_reads_it(tmp_path: Path) -> None:
    line = written(TOKENIZERS["bytes"], tmp_path)
    assert line["place"] == "terminal/local/mara"
    assert str(line["text"]).endswith("<|im_start|>user\nAna: Rain? <b><|im_end|>\n<|im_start|>assistant\n")


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_every_control_token_is_visible(kind: str, tmp_path: Path) -> None:
    text = str(written(TOKENIZERS[kind], tmp_path)["text"])
    assert (text.count("<|im_start|>"), text.count("<|im_end|>")) in ((3, 2), (2, 1))
