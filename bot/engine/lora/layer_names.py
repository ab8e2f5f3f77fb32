"""Names of an adapter's modules and of the base model's layers, matched where the two classes differ.

A text model may lie inside a wrapper that also reads images, and the other way round: then names differ by
`language_model.` and the like. A base model may compute layers in one that another copy of it has apart:
`qkv_proj` is q, k and v in this order, `gate_up_proj` gate and up.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from bot.engine.lora.config import LoraConfig
from bot.engine.lora.module_names import (
    FUSED,
    FUSED_OF,
    LinearShapes,
    TextLayers,
    beside,
    last_of,
    reads_senses,
    targeted_names,
    without_wrappers,
)
from bot.engine.lora.refusals import MERGE
from bot.untrusted import RefusedFile

_OTHERWISE_FUSED = ("query_key_value", "Wqkv", "wqkv", "W_pack", "qkv", "c_attn")
FIT = "use an adapter made for this model"


class ShapeMismatch(RefusedFile):
    """Weights whose shapes do not fit the base model: they may be for another one."""


@dataclass(frozen=True, slots=True)
class LayerPart:
    """A pair of the file in a layer of the base model: B's rows `first` to `last` change its from `start`."""

    module: str
    first: int
    last: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class AdaptedLayer:
    """The parts of a layer of the base model with so many outputs."""

    outputs: int
    parts: tuple[LayerPart, ...]

    def is_whole(self, name: str) -> bool:
        """Return whether the layer has a pair of its own, under this name."""
        return self.parts == (LayerPart(name, 0, self.outputs),)


@dataclass(frozen=True, slots=True)
class LayerMap:
    """The adapted layers, by the base model's names; `left_out` modules read images or sound."""

    layers: dict[str, AdaptedLayer] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def map_layers(rows: Mapping[str, int], shapes: LinearShapes) -> LayerMap:
    """Find the base model's layers of an adapter's modules; `rows` are those of each module's B.

    Raises `ShapeMismatch` for a module without one layer, or with too many rows or too few.
    """
    names, found = TextLayers(shapes), LayerMap()
    fused: dict[str, dict[str, str]] = {}  # a fused layer's parts to the modules that adapt them
    for module in rows:
        if reads_senses(module):
            found.left_out.append(module)
        elif (layer := names.find(module)) is not None:
            if rows[module] != shapes[layer][0]:
                raise _other_rows(layer, rows[module], shapes[layer][0])
            _add(found, layer, AdaptedLayer(rows[module], (LayerPart(module, 0, rows[module]),)))
        elif (joined := names.find(beside(module, FUSED_OF.get(last_of(module))))) is not None:
            parts = fused.setdefault(joined, {})
            if parts.setdefault(last_of(module), module) is not module:
                raise _twice(joined)
        elif all(apart := [names.find(beside(module, part)) for part in FUSED.get(last_of(module), ("",))]):
            _split(found, module, rows[module], [layer for layer in apart if layer], shapes)
        else:
            raise _unknown(module)
    for layer, parts in fused.items():
        outputs = shapes[layer][0]
        _add(found, layer, AdaptedLayer(outputs, tuple(_joined(layer, parts, rows, outputs))))
    if not found.layers:
        raise RefusedFile("it adapts only layers that read images or sound", "use an adapter of text layers")
    return found


def missing_layers(config: LoraConfig, modules: Collection[str], shapes: LinearShapes) -> bool:
    """Return whether the config names layers of the base model that the file has no matrices for."""
    held = {without_wrappers(module) for module in modules}
    return any(
        config.targets_module(name) and without_wrappers(name) not in held
        for layer in shapes
        if not reads_senses(layer)
        for name in targeted_names(layer)
    )


def _add(found: LayerMap, layer: str, adapted: AdaptedLayer) -> None:
    if layer in found.layers:
        raise _twice(layer)
    found.layers[layer] = adapted


def _split(found: LayerMap, module: str, rows: int, layers: list[str], shapes: LinearShapes) -> None:
    """Divide the rows of a fused layer's pair among the layers that the base model has apart."""
    sizes = [shapes[layer][0] for layer in layers]
    if sum(sizes) != rows:
        raise ShapeMismatch(
            f"it adapts {module} in one layer of {rows:,} rows, and the base model has {len(layers)} layers "
            f"of {sum(sizes):,} rows in its place",
            FIT,
        )
    first = 0
    for layer, size in zip(layers, sizes, strict=True):
        _add(found, layer, AdaptedLayer(size, (LayerPart(module, first, first + size),)))
        first += size


def _joined(
    layer: str, modules: Mapping[str, str], rows: Mapping[str, int], outputs: int
) -> Iterator[LayerPart]:
    """Yield the places of separate layers' pairs in a fused layer with so many outputs."""
    sizes = _part_sizes(last_of(layer), {part: rows[module] for part, module in modules.items()}, outputs)
    if sum(sizes.values()) != outputs or min(sizes.values()) <= 0:
        raise _unfitting(layer, modules)
    start = 0
    for part, size in sizes.items():
        if part in modules:
            if rows[modules[part]] != size:
                raise _unfitting(layer, modules)
            yield LayerPart(modules[part], 0, size, start)
        start += size


def _part_sizes(fused: str, rows: Mapping[str, int], outputs: int) -> Mapping[str, int]:
    """Return the rows of each part; keys and values have equally many."""
    if fused == "gate_up_proj":
        return dict.fromkeys(FUSED[fused], outputs // 2)
    keys = rows.get("k_proj", rows.get("v_proj"))
    queries = outputs - 2 * keys if keys is not None else rows["q_proj"]
    keys = (outputs - queries) // 2 if keys is None else keys
    return {"q_proj": queries, "k_proj": keys, "v_proj": keys}


def _twice(layer: str) -> RefusedFile:
    return RefusedFile(f"two of its modules adapt one layer of the base model, {layer}", "export it again")


def _other_rows(layer: str, rows: int, outputs: int) -> ShapeMismatch:
    if last_of(layer) == "lm_head":
        return ShapeMismatch(
            f"it changes an lm_head of {rows:,} rows and the base model's has {outputs:,}: it was trained "
            "with another vocabulary",
            MERGE,
        )
    return ShapeMismatch("its shapes do not match the base model and its rank", FIT)


def _unfitting(layer: str, modules: Mapping[str, str]) -> ShapeMismatch:
    return ShapeMismatch(
        f"it adapts {', '.join(sorted(modules))} apart, and their rows do not fit into the base model's "
        f"{last_of(layer)}",
        FIT,
    )


def _unknown(module: str) -> ShapeMismatch:
    reason = f"it adapts a module that the base model does not have, {module[-80:]}"
    if "experts" in module.split("."):
        return ShapeMismatch(f"{reason}: experts lie in one tensor here", MERGE)
    if last_of(module) in _OTHERWISE_FUSED:
        return ShapeMismatch(f"{reason}: it is several layers in one there, in an order of its own", MERGE)
    return ShapeMismatch(reason, FIT)
