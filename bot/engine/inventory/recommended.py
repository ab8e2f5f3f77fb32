"""The base models that config.toml recommends for machines without a graphics card: GGUF files in 4 bits.

Sizes are those of the models' own config.json and of llama.cpp's mixture Q4_K_M; a test computes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.config import ModelSettings
from bot.engine.checkpoint.model_header import ModelHeader
from bot.engine.model_loader.machine import Machine, plan_on

SYSTEM_BYTES = 1 << 30  # of a machine's memory for its system and a browser


@dataclass(frozen=True, slots=True)
class Recommendation:
    """A model for machines with so many GiB of memory."""

    memory: int
    name: str
    header: ModelHeader


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Sizes of a Qwen2.5 in Q4_K_M; `head` is False where the embeddings are the output head."""

    parameters: int
    bytes: int
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    head: bool


_QWEN = {
    "0.5B": _Sizes(494_032_768, 397_859_712, 24, 896, 4864, 14, 2, 64, 151_936, False),
    "1.5B": _Sizes(1_543_714_304, 986_097_536, 28, 1536, 8960, 12, 2, 128, 151_936, False),
    "3B": _Sizes(3_085_938_688, 1_929_946_496, 36, 2048, 11_008, 16, 2, 128, 151_936, False),
    "7B": _Sizes(7_615_616_512, 4_683_120_000, 28, 3584, 18_944, 28, 4, 128, 152_064, True),
    "14B": _Sizes(14_770_033_664, 8_988_142_976, 48, 5120, 13_824, 40, 8, 128, 152_064, True),
}
_BY_MEMORY = {4: ("0.5B", "1.5B"), 8: ("3B", "7B"), 16: ("7B", "14B"), 32: ("14B",)}
_CONTEXT = 32_768  # tokens


def recommendations() -> Iterator[Recommendation]:
    """Yield what config.toml recommends, by memory."""
    for memory, sizes in _BY_MEMORY.items():
        for size in sizes:
            yield Recommendation(memory, _name(size), _header(_QWEN[size]))


def recommended_header(name: str) -> ModelHeader | None:
    """Return the header of a recommended model that is not here yet; None for any other."""
    return next((one.header for one in recommendations() if one.name == name), None)


def table_lines(settings: ModelSettings) -> Iterator[str]:
    """Yield the lines of config.toml's table: rows that find room with keys and values in float32."""
    for one in recommendations():
        free = (one.memory << 30) - SYSTEM_BYTES
        plan = plan_on(one.header, settings, Machine("cpu", free, number_bytes=4))
        assert plan is not None
        name, rows = f'"{one.name}"', min(settings.rows, plan.most_rows(plan.context))
        yield f"#  {one.memory:>3} GB: {name:<50} {one.header.bytes / 1e9:.1f} GB, {rows:>2} rows"


def _name(size: str) -> str:
    return f"bartowski/Qwen2.5-{size}-Instruct-GGUF:Q4_K_M"


def _header(sizes: _Sizes) -> ModelHeader:
    table = sizes.vocabulary * sizes.hidden
    return ModelHeader(
        family="qwen2",
        standing="served",
        fault="",
        bits="Q4_K_M",
        parameters=sizes.parameters,
        bytes=sizes.bytes,
        layers=sizes.layers,
        hidden=sizes.hidden,
        intermediate=sizes.intermediate,
        heads=sizes.heads,
        kv_heads=sizes.kv_heads,
        head_size=sizes.head_size,
        vocabulary=sizes.vocabulary,
        context=_CONTEXT,
        table=table,
        head=table if sizes.head else 0,
        is_gguf=True,
    )
