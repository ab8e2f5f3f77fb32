"""Names of modules in models of text, alone or inside a wrapper that also reads images.

There they differ by `language_model.` and the like, and a base model may compute layers in one that another
copy of it has apart: `qkv_proj` is q, k and v in this order, `gate_up_proj` gate and up.
"""

from collections.abc import Iterator, Mapping

LinearShapes = Mapping[str, tuple[int, int]]  # a base model's linear layers: name to (out, in)

FUSED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}
FUSED_OF = {part: fused for fused, parts in FUSED.items() for part in parts}
# what wrappers put before the layers of a text model
_WRAPPERS = frozenset(
    ("base_model", "model", "language_model", "text_model", "transformer", "llm", "module", "thinker")
)
# parts of a model that read images or sound
_SENSES = frozenset(
    (
        *("vision_tower", "vision_model", "vision_encoder", "visual", "vision", "vit", "image_encoder"),
        *(
            "img_processor",
            "image_embed",
            "embed_vision",
            "vision_adapter",
            "multi_modal_projector",
            "mm_projector",
        ),
        *("audio_tower", "audio_model", "audio_encoder", "audio_embed", "embed_audio", "audio"),
        *("connector", "aligner", "resampler", "embed_tokens_extend"),
    )
)


def without_wrappers(name: str, kept: int = 1) -> str:
    """Return a name without the wrappers before its first number, or before its last `kept` components."""
    parts = name.split(".")
    first = next((at for at, part in enumerate(parts) if part.isdecimal()), len(parts) - kept)
    return ".".join([*(part for part in parts[:first] if part not in _WRAPPERS), *parts[first:]])


class TextLayers:
    """The base model's text layers, by their names without wrappers."""

    def __init__(self, shapes: LinearShapes) -> None:
        self._shapes = shapes
        self._layers: dict[str, list[str]] = {}
        for layer in shapes:
            if not reads_senses(layer):
                self._layers.setdefault(without_wrappers(layer), []).append(layer)

    def find(self, module: str) -> str | None:
        """Return the one layer of a module's name; None without one, or among several."""
        if module in self._shapes:
            return module
        layers = self._layers.get(without_wrappers(module), [])
        return layers[0] if len(layers) == 1 else None


def targeted_names(layer: str) -> Iterator[str]:
    """Yield the names that a config may target a layer by: its own, and those of its parts or its whole."""
    yield layer
    yield from (beside(layer, part) for part in FUSED.get(last_of(layer), ()))
    if fused := FUSED_OF.get(last_of(layer)):
        yield beside(layer, fused)


def reads_senses(name: str) -> bool:
    """Return whether a module belongs to a part of the model that reads images or sound."""
    return not _SENSES.isdisjoint(name.split("."))


def last_of(name: str) -> str:
    """Return the last component of a name."""
    return name.rpartition(".")[2]


def beside(name: str, last: str | None) -> str:
    """Return the name of a module's sibling; "" without one."""
    return ".".join([*name.split(".")[:-1], last]) if last else ""
