"""The command `export`: an adapter for other programs, alone or merged into its base model."""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from safetensors import SafetensorError

from bot.adapter.files import CONFIG, MANIFEST, MANIFEST_BYTES, WEIGHTS
from bot.engine.checkpoint.damage import explained_damage
from bot.engine.checkpoint.source import LOCAL_ONLY
from bot.engine.model_loader.load_plan import LoadPlan, plan_load
from bot.engine.model_loader.loader import meta_model
from bot.errors import UserError
from bot.files import write_private
from bot.prompt.renderer import PromptFormat
from bot.untrusted import read_json
from training.adapters.given_adapter import with_given_adapter
from training.adapters.machine_paths import without_folders
from training.adapters.persona_adapter import persona_adapter
from training.dataset.base_tokenizer import open_training_format
from training.dataset.workspace import Workspace
from training.store.indented_json import encode_indented

ExportFormat = Literal["peft", "merged", "gguf", "ollama"]
_MODEL = "model.gguf"  # in the folder of "ollama"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Options of an export.

    `merged` makes a whole model of "gguf"; `dtype` is that of its weights. `adapter` is a folder other than
    the persona's own adapter; `shard` is the bytes of a file of "merged", 0 for transformers' own choice.
    """

    merged: bool = False
    dtype: str = "f32"
    adapter: Path | None = None
    shard: int = 0


def export_adapter(
    workspace: Workspace, format: ExportFormat, target: Path, options: ExportOptions = ExportOptions()
) -> str:
    """Write an adapter to `target`, a new file or folder; return a line that describes it.

    "peft" is a folder for PEFT, "merged" a folder for transformers with the adapter in the weights, "gguf" a
    file for llama.cpp (an adapter, or a whole model if `merged`), "ollama" a folder with a whole model and a
    Modelfile. Raises `UserError`.
    """
    _check_options(format, options)
    workspace = with_given_adapter(workspace, options.adapter)
    if os.path.lexists(target):
        raise UserError(f"{target} is there already: name a new one, or delete it.")
    gguf = _gguf_model if options.merged else _gguf_adapter
    write = {"peft": _peft, "merged": _merged, "gguf": gguf, "ollama": _ollama}[format]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".export-", dir=target.parent) as beside:
            draft = Path(beside) / target.name
            description = write(workspace, draft, options)
            draft.rename(target)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise UserError(f"{target} cannot be written: {reason}.") from None
    next_step = f"\nNext: ollama create {workspace.persona.key} -f {target / 'Modelfile'}"
    return f"{description} in {target}{next_step * (format == 'ollama')}"


def _check_options(format: ExportFormat, options: ExportOptions) -> None:
    from training.adapters.gguf.dtypes import PLAIN_DTYPES, check_gguf_dtype

    if options.merged and format != "gguf":
        raise UserError('--merged goes with --format gguf; a merged folder is "--format merged".')
    if options.shard and format != "merged":
        raise UserError("--max-shard-size goes with --format merged, whose weights may be several files.")
    is_whole = format == "ollama" or (format == "gguf" and options.merged)
    if options.dtype not in PLAIN_DTYPES and not is_whole:
        raise UserError(
            f"--dtype {options.dtype} goes with --format ollama, or with --format gguf --merged: adapters "
            "and folders for transformers are f32 or f16."
        )
    check_gguf_dtype(options.dtype)


def _peft(workspace: Workspace, folder: Path, options: ExportOptions) -> str:
    from bot.engine.lora.registry import load_adapter
    from bot.engine.lora.validation import validate_adapter
    from bot.engine.model_loader.adapter_check import open_adapter_check
    from training.adapters.peft_folder import write_peft_folder

    inspection = open_adapter_check(workspace.settings.model, workspace.settings.data)
    adapter = persona_adapter(workspace.persona, inspection.base)
    description = inspection.check_adapter(workspace.persona.key, adapter)
    files = validate_adapter(adapter, inspection.base)
    if not files.is_plain:  # PEFT would leave out what it does not find
        write_peft_folder(load_adapter(workspace.persona.key, files), folder, inspection.base.name)
        return f"PEFT adapter ({description})"
    folder.mkdir()
    for file in (CONFIG, WEIGHTS, MANIFEST):
        if (adapter / file).exists():
            shutil.copyfile(adapter / file, folder / file)
    _tidy_manifest(folder)
    return f"PEFT adapter ({description})"


def _tidy_manifest(folder: Path) -> None:
    """Leave the folders of this machine out of what the manifest says of the training."""
    if (folder / MANIFEST).exists():
        manifest = read_json(folder.resolve(), MANIFEST, MANIFEST_BYTES)
        kept = {key: without_folders(value) if key == "run" else value for key, value in manifest.items()}
        write_private(folder / MANIFEST, [encode_indented(kept)])


def _merged(workspace: Workspace, folder: Path, options: ExportOptions) -> str:
    import torch

    from bot.engine.model_loader.adapter_check import plan_identity
    from training.adapters.merge import merge_adapter, unquantized_plan

    loading = unquantized_plan(workspace)
    model, tokenizer = merge_adapter(workspace, loading), _tokenizer(loading)
    model.to({"f32": torch.float32, "f16": torch.float16}[options.dtype])
    if not all(bool(tensor.isfinite().all()) for tensor in model.state_dict().values()):
        raise UserError("The model has weights that f16 cannot hold: export with --dtype f32.")
    model.save_pretrained(folder, **({"max_shard_size": options.shard} if options.shard else {}))
    tokenizer.chat_template = _template(workspace)
    tokenizer.save_pretrained(folder)
    manifest = persona_adapter(workspace.persona, plan_identity(loading)) / MANIFEST
    if manifest.exists():
        shutil.copyfile(manifest, folder / MANIFEST)
        _tidy_manifest(folder)
    return "transformers model with the adapter in its weights"


def _gguf_adapter(workspace: Workspace, file: Path, options: ExportOptions) -> str:
    from training.adapters.gguf.adapter import write_gguf_adapter
    from training.adapters.gguf.layout import gguf_layout
    from training.adapters.merge import read_persona_adapter, refuse_tied_head

    loading = plan_load(workspace.settings.model, workspace.settings.data, progress=lambda stage: None)
    base = meta_model(loading)
    adapter, layout = read_persona_adapter(workspace, loading, base), gguf_layout(base.config)
    refuse_tied_head(base, adapter)
    write_gguf_adapter(file, adapter, layout, options.dtype, workspace.persona.name, loading.source.name)
    return f"LoRA adapter for llama.cpp (--lora, beside a GGUF file of {loading.source.name})"


def _gguf_model(workspace: Workspace, file: Path, options: ExportOptions) -> str:
    from training.adapters.gguf.layout import gguf_layout
    from training.adapters.gguf.model import write_gguf_model
    from training.adapters.merge import merge_adapter, unquantized_plan

    loading = unquantized_plan(workspace)
    layout = gguf_layout(meta_model(loading).config)
    origin: Any = loading.source.path if loading.source.kind == "gguf" else _tokenizer(loading)
    write_gguf_model(
        file,
        merge_adapter(workspace, loading),
        layout,
        options.dtype,
        workspace.persona.name,
        _template(workspace),
        origin,
    )
    return "GGUF model with the adapter in its weights"


def _ollama(workspace: Workspace, folder: Path, options: ExportOptions) -> str:
    from training.adapters.gguf.model import adds_start_token
    from training.adapters.ollama import modelfile, role_layout

    reader = _prompt_format(workspace)
    role_layout(reader.template)  # a template that cannot be written is refused before the model is loaded
    folder.mkdir()
    _gguf_model(workspace, folder / _MODEL, options)
    settings = workspace.settings
    text = modelfile(
        workspace.persona,
        reader,
        settings.chat.system_prompt,
        settings.terminal.name,
        _MODEL,
        adds_start=adds_start_token(folder / _MODEL),
    )
    (folder / "Modelfile").write_text(text + f"PARAMETER num_ctx {workspace.model.context}\n", "utf-8")
    return "Ollama model with the adapter in its weights"


def _tokenizer(loading: LoadPlan) -> Any:
    """Load the base model's own tokenizer with transformers."""
    from transformers import AutoTokenizer

    assert loading.source.path is not None
    path = loading.source.path
    if loading.source.kind == "gguf":
        with explained_damage(f"The tokenizer in {path}"):
            return AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name, **LOCAL_ONLY)
    with explained_damage(f"The tokenizer in {path}"):
        return AutoTokenizer.from_pretrained(path, **LOCAL_ONLY)


def _template(workspace: Workspace) -> str:
    """Return the chat template that the persona is served with, with the variable `char` set to its name."""
    source = _prompt_format(workspace).template.source
    name = json.dumps(workspace.persona.name, ensure_ascii=False)
    return f"{{% set char = {name} %}}{source}" if "char" in source else source


def _prompt_format(workspace: Workspace) -> PromptFormat:
    settings, model = workspace.settings.model, workspace.model
    return open_training_format(workspace.persona, model, settings, model.context)
