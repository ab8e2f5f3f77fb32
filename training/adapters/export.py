"""The command `export`: a persona's adapter for other programs, alone or in its base model, as one piece."""

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from safetensors import SafetensorError

from bot.adapter.files import CONFIG, MANIFEST, WEIGHTS
from bot.engine.checkpoint.source import LOCAL
from bot.engine.model_loader.loader import LoadPlan, plan
from bot.errors import UserError
from training.dataset.base_tokenizer import open_training_format
from training.dataset.workspace import Workspace

Format = Literal["peft", "merged", "gguf"]


def export(desk: Workspace, format: Format, target: Path, *, merged: bool = False, dtype: str = "f32") -> str:
    """Write the persona's adapter to `target`, which must not be there yet; returns what it is.

    "peft" is a folder for PEFT, "merged" a folder for transformers with the adapter in the weights, "gguf" a
    file for llama.cpp: an adapter, or a whole model if `merged`. `dtype` is f32 or f16. Raises `UserError`.
    """
    if desk.persona.adapter is None:
        raise UserError(f"{desk.persona.key} has no adapter to export: `python -m training train` makes one.")
    if os.path.lexists(target):
        raise UserError(f"{target} is there already: name a new one, or delete it.")
    if merged and format != "gguf":
        raise UserError('--merged goes with --format gguf; a merged folder is "--format merged".')
    write = {"peft": _peft, "merged": _merged, "gguf": _packed_model if merged else _packed_adapter}[format]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export-", dir=target.parent) as beside:
            draft = Path(beside) / target.name
            told = write(desk, draft, dtype)
            draft.rename(target)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise UserError(f"{target} cannot be written: {reason}.") from None
    return f"{told} in {target}"


def _peft(desk: Workspace, folder: Path, dtype: str) -> str:
    from bot.engine.model_loader.adapter_check import inspect

    assert desk.persona.adapter
    name = inspect(desk.settings.model, desk.settings.data).check(desk.persona.key, desk.persona.adapter)
    folder.mkdir()
    for file in (CONFIG, WEIGHTS, MANIFEST):
        if (desk.persona.adapter / file).exists():
            shutil.copyfile(desk.persona.adapter / file, folder / file)
    return f"PEFT adapter ({name})"


def _merged(desk: Workspace, folder: Path, dtype: str) -> str:
    import torch

    from training.adapters.merge import merge, plain_plan

    found = plain_plan(desk)
    model, tokenizer = merge(desk, found), _tokenizer(found)
    model.to({"f32": torch.float32, "f16": torch.float16}[dtype])
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise UserError("The model has weights that f16 cannot hold: export with --dtype f32.")
    model.save_pretrained(folder)
    tokenizer.chat_template = _template(desk)
    tokenizer.save_pretrained(folder)
    manifest = desk.persona.adapter and desk.persona.adapter / MANIFEST
    if manifest and manifest.exists():
        shutil.copyfile(manifest, folder / MANIFEST)
    return "transformers model with the adapter in its weights"


def _packed_adapter(desk: Workspace, file: Path, dtype: str) -> str:
    from training.adapters.gguf.adapter import write_adapter
    from training.adapters.gguf.layout import layout_of
    from training.adapters.merge import check_tied, outline, read

    found = plan(desk.settings.model, desk.settings.data, progress=lambda stage: None)
    base = outline(found)
    known, layout = read(desk, found, base), layout_of(base.config)
    check_tied(base, known)
    write_adapter(file, known, layout, dtype, desk.persona.name, found.source.name)
    return f"LoRA adapter for llama.cpp (--lora, beside a GGUF file of {found.source.name})"


def _packed_model(desk: Workspace, file: Path, dtype: str) -> str:
    from training.adapters.gguf.layout import layout_of
    from training.adapters.gguf.model import write_model
    from training.adapters.merge import merge, outline, plain_plan

    found = plain_plan(desk)
    layout = layout_of(outline(found).config)
    origin: Any = found.source.path if found.source.kind == "gguf" else _tokenizer(found)
    write_model(file, merge(desk, found), layout, dtype, desk.persona.name, _template(desk), origin)
    return "GGUF model with the adapter in its weights"


def _tokenizer(found: LoadPlan) -> Any:
    """The base model's own tokenizer, as transformers has it."""
    from transformers import AutoTokenizer

    assert found.source.path is not None
    if found.source.kind == "gguf":
        path = found.source.path
        return AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, **LOCAL)
    return AutoTokenizer.from_pretrained(found.source.path, **LOCAL)


def _template(desk: Workspace) -> str:
    """The chat template that the persona is served with, for programs that do not know its name."""
    reader = open_training_format(desk.persona, desk.model, desk.settings.model, desk.model.context)
    source = reader.template.source
    name = json.dumps(desk.persona.name, ensure_ascii=False)
    return f"{{% set char = {name} %}}{source}" if "char" in source else source
