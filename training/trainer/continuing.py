"""An adapter to start from: read as strictly as the bot reads it, and taken as it is."""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor

from bot.adapter.files import CONFIG, CONFIG_BYTES, WEIGHTS
from bot.engine.lora.config import parse_config
from bot.engine.lora.validation import BaseModelIdentity, validate_adapter
from bot.errors import UserError
from bot.persona.training_options import TrainingOptions
from bot.untrusted import RefusedFile, read_json
from training.trainer.base_model import BaseModel


def read_adapter_tensors(
    folder: Path, found: BaseModel, wishes: TrainingOptions
) -> tuple[Mapping[str, Tensor], TrainingOptions]:
    """Its matrices, and the wishes with the adapter's own rank, alpha and layers.

    Raises `UserError` where it does not fit the base model, or is not of one rank.
    """
    try:
        config = parse_config(read_json(folder, CONFIG, CONFIG_BYTES))
        validate_adapter(folder, BaseModelIdentity(found.name, found.plan.fingerprint, found.sizes.linear))
    except RefusedFile as refused:
        raise UserError(
            f"The adapter in {folder} cannot be continued: {refused.reason}; {refused.remedy}."
        ) from None
    if config.ranks or config.alphas or config.excluded or not config.complete:
        raise UserError(
            f"The adapter in {folder} has several ranks: train a new one without --continue-from."
        )
    own = {"rank": config.r, "alpha": config.alpha, "rslora": config.rslora, "layers": config.targets}
    return load_file(folder / WEIGHTS), wishes.model_copy(update=own)
