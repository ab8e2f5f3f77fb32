"""Checks of a GGUF file that need no weight, before anything heavy."""

from collections.abc import Iterable

from bot.config import ModelSettings
from bot.engine.checkpoint.gguf.gguf_file import GgufFile
from bot.engine.tokenizer.gguf_tokenizer import check_gguf_tokenizer
from bot.persona.persona import Persona
from bot.prompt.builder import choose_template


def check_gguf_model(file: GgufFile, settings: ModelSettings, personas: Iterable[Persona]) -> None:
    """Raise `UserError` where the tokenizer is not served, or a persona would have no chat template.

    Families, tensors and their types were checked by `open_gguf`; this reads no token and no weight.
    """
    check_gguf_tokenizer(file.vocabulary)
    for persona in personas:
        choose_template(persona, settings, file.chat_template)
