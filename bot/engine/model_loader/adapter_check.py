"""Check of adapters against the base model's files, without loading its weights."""

from dataclasses import dataclass
from pathlib import Path

from bot.config import ModelSettings
from bot.engine.lora.registry import linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_loader.loader import meta_model, plan_load
from bot.engine.tokenizer.files import read_tokenizer
from bot.engine.tokenizer.tokenizer import HFTokenizer


@dataclass(frozen=True, slots=True)
class AdapterCheck:
    """A base model's identity and tokenizer, against which adapters are checked."""

    base: BaseModelIdentity
    tokenizer: HFTokenizer

    def check_adapter(self, name: str, folder: Path) -> str:
        """Return a line about the layers that an adapter adapts; raises `UserError` for a refused folder."""
        layers = len(read_adapter(name, folder, self.base).pairs)
        return f"{name}: adapts {layers} layers of {self.base.name}"


def open_adapter_check(settings: ModelSettings, data: Path) -> AdapterCheck:
    """Find the settings' base model, and convert it first where that has not been done.

    Raises `UserError` without such a model.
    """
    plan = plan_load(settings, data, progress=lambda stage: None)
    base = BaseModelIdentity(plan.source.name, plan.fingerprint, linear_shapes(meta_model(plan)), plan.source)
    return AdapterCheck(base, read_tokenizer(plan.folder))
