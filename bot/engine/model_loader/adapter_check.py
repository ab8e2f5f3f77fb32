"""Would these adapters load? Answered from the base model's files, without its weights."""

from dataclasses import dataclass
from pathlib import Path

from bot.config import ModelSettings
from bot.engine.lora.registry import read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_loader.loader import plan_load, read_linear_shapes
from bot.engine.tokenizer.files import read_tokenizer
from bot.engine.tokenizer.tokenizer import HFTokenizer


@dataclass(frozen=True, slots=True)
class AdapterCheck:
    """What of a base model adapters are checked against."""

    base: BaseModelIdentity
    tokenizer: HFTokenizer

    def check_adapter(self, name: str, folder: Path) -> str:
        """Say what an adapter adapts; raise `UserError` where it would not be loaded."""
        return f"{name}: adapts {len(read_adapter(name, folder, self.base).pairs)} layers of {self.base.name}"


def open_adapter_check(settings: ModelSettings, data: Path) -> AdapterCheck:
    """The base model that the settings name; raise `UserError` when there is none.

    Converts it first, where that has not been done.
    """
    found = plan_load(settings, data, progress=lambda stage: None)
    base = BaseModelIdentity(found.source.name, found.fingerprint, read_linear_shapes(found), found.source)
    return AdapterCheck(base, read_tokenizer(found.folder))
