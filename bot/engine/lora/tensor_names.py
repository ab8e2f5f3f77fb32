"""The names of an adapter file's tensors: halves of LoRA pairs, and copies of the base model's own layers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.engine.lora.refusals import MERGE
from bot.engine.lora.tensor_header import StoredTensor
from bot.untrusted import RefusedFile

_LENGTH = 300  # of a name
_PATH = r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*"
# "default" or another name of the adapter stands in names that were saved without PEFT's own function
_HALF = re.compile(rf"({_PATH})\.lora_(A|B)(?:\.[A-Za-z0-9_-]+)?\.weight")
_FROZEN = re.compile(rf"({_PATH})\.base_layer\.({_PATH})")
_WHOLE = re.compile(rf"({_PATH})\.weight")
_EMBEDDINGS = ("embed_tokens", "lm_head", "wte", "embed_in", "embed_out", "word_embeddings")
# components that libraries put into the names of modules that they wrap
_LIBRARIES = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")


@dataclass(frozen=True, slots=True)
class LayerCopy:
    """A copy of one of the base model's own tensors; a frozen one was never trained.

    PEFT writes `base_layer` beside the pair of each adapted head or table of embeddings, and whole ones where
    it was asked to or where tokens were added.
    """

    layer: str
    tensor: StoredTensor
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class NamedTensors:
    """The tensors of a file: halves "A" and "B" by the module's name in the file, and copies."""

    halves: dict[tuple[str, str], StoredTensor] = field(default_factory=dict)
    copies: list[LayerCopy] = field(default_factory=list)

    @property
    def modules(self) -> tuple[str, ...]:
        """The names of the modules that have a pair, in the order of the file."""
        return tuple(module for module, half in self.halves if half == "A")


def name_tensors(tensors: Sequence[StoredTensor]) -> NamedTensors:
    """Sort tensors by what their names say; raises `RefusedFile` for a name that is neither."""
    named = NamedTensors()
    for tensor in tensors:
        if not _add(named, tensor):
            raise RefusedFile("it holds a tensor that is not half of a LoRA matrix pair", _remedy(tensors))
    counts = [{module for module, half in named.halves if half == side} for side in "AB"]
    if counts[0] != counts[1]:
        raise RefusedFile("half of a LoRA matrix pair is missing", "copy or export it again")
    if not named.halves:
        raise RefusedFile("it holds no matrices", "save it again with a newer version of PEFT")
    return named


def _add(named: NamedTensors, tensor: StoredTensor) -> bool:
    """Add a tensor; return False for a name that is neither half of a pair nor a copy."""
    if len(tensor.name) > _LENGTH:
        return False
    if match := _HALF.fullmatch(tensor.name):
        key = _module(match[1]), match[2]
        if key in named.halves:
            raise RefusedFile(
                "it holds a LoRA matrix twice, as several adapters in one file do", "save each by itself"
            )
        named.halves[key] = tensor
    elif match := _FROZEN.fullmatch(tensor.name):
        named.copies.append(LayerCopy(f"{_module(match[1])}.{match[2]}", tensor, is_frozen=True))
    elif (match := _WHOLE.fullmatch(tensor.name)) and match[1].rpartition(".")[2] in _EMBEDDINGS:
        named.copies.append(LayerCopy(f"{_module(match[1])}.weight", tensor, is_frozen=False))
    else:
        return False
    return True


def _module(path: str) -> str:
    """Return a module's name in the model that was adapted, without what libraries put before it."""
    parts = [part for part in path.split(".") if part not in _LIBRARIES]
    if parts[:1] == ["module"]:  # DistributedDataParallel
        parts = parts[1:]
    return ".".join(parts[2:] if parts[:2] == ["base_model", "model"] else parts)


def _remedy(tensors: Sequence[StoredTensor]) -> str:
    names = [tensor.name for tensor in tensors]
    if any("magnitude" in name for name in names):
        return f"DoRA is not served: {MERGE}"
    if any("lora_embedding" in name for name in names):
        return f"an adapted table of embeddings is not served: leave it out of target_modules, or {MERGE}"
    return f"whole layers and embeddings are not served: {MERGE}"
