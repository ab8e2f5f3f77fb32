"""The command `convert`: LLaMA's own checkpoint as a model of transformers, or the other way round."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors import SafetensorError

from bot.engine.checkpoint.transfer_progress import TransferProgress
from bot.errors import UserError
from training.adapters.from_consolidated import FILES, PARAMS, convert_from_consolidated
from training.adapters.to_consolidated import convert_to_consolidated

_TOKENIZERS = ("tokenizer.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """`context` (positions) and `shard_bytes` of a model of transformers; `files` of LLaMA's checkpoint."""

    context: int = 2048
    shard_bytes: int = 5 * 10**9
    files: int = 1


def convert_model(
    source: Path,
    target: Path,
    options: ConvertOptions = ConvertOptions(),
    report: Callable[[str], None] = lambda text: None,
) -> str:
    """Convert the model in a folder into a new folder; return a message. Raises `UserError`.

    `report` gets MB, rate and time left. The tokenizer's files are copied; of LLaMA's checkpoints it often
    lies in the folder above.
    """
    is_consolidated = _is_consolidated(source)
    if os.path.lexists(target):
        raise UserError(f"{target} is there already: name a new one, or delete it.")
    files = source.glob(FILES if is_consolidated else "*.safetensors")
    total = sum(path.stat().st_size for path in files)
    progress = TransferProgress(source.name, total, report, work="converting")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".convert-", dir=target.parent) as beside:
            draft = Path(beside) / target.name
            draft.mkdir()
            if is_consolidated:
                line = convert_from_consolidated(
                    source, draft, options.context, options.shard_bytes, progress.advance
                )
            else:
                line = convert_to_consolidated(source, draft, options.files, progress.advance)
            tokenizer = _copy_tokenizer(source, draft)
            draft.rename(target)
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())[:200]
        raise UserError(f"{target} cannot be written: {reason}.") from None
    return "\n".join(filter(None, (f"{line} in {target}", tokenizer if is_consolidated else "")))


def _is_consolidated(source: Path) -> bool:
    """Return whether a folder holds LLaMA's own checkpoint; raises `UserError` where it holds no model."""
    if not source.is_dir():
        raise UserError(
            f"There is no folder {source}: name one with {FILES} and {PARAMS}, or a model's folder."
        )
    found = any(source.glob(FILES))
    if not found and not (source / "config.json").is_file():
        raise UserError(
            f"{source} holds neither {FILES} with {PARAMS} nor a config.json with safetensors: name the "
            "folder of a LLaMA model."
        )
    return found


def _copy_tokenizer(source: Path, draft: Path) -> str:
    """Copy the tokenizer's files; return a line where the one that is read here is missing."""
    for name in _TOKENIZERS:
        found = next((folder / name for folder in (source, source.parent) if (folder / name).is_file()), None)
        if found:
            shutil.copyfile(found, draft / name)
    if (draft / "tokenizer.json").exists():
        return ""
    return "Next: put the model's tokenizer.json beside it, which LLaMA's own files do not hold"
