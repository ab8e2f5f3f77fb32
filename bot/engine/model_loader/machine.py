"""The machine that a base model is to run on: its device, free memory and numbers, and what fits there."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.config import ModelSettings
from bot.engine.checkpoint.model_header import ModelHeader
from bot.engine.model_loader.memory_budget import ADAPTER_RANK, MIN_TOKENS
from bot.engine.model_loader.memory_plan import MemoryPlan, is_packed, plan_memory, weight_bytes_on_cpu
from bot.engine.model_loader.memory_prediction import (
    CardRoom,
    ServingSizes,
    conversations_of,
    predict_budgets,
)
from bot.engine.model_loader.placement import free_memory_of_cards
from bot.engine.model_loader.quantization import (
    Precision,
    best_device,
    best_precision,
    dtype_of,
    multiplies_packed,
    plain_precision,
    plain_room,
)
from bot.system.memory import available_memory, peak_memory

_NF4_BYTES = 0.5 + 1 / 64  # of a number on a card, with its share of the scales
_CARD_BYTES: dict[Precision, float] = {"nf4": _NF4_BYTES, "int8": 1, "bf16": 2, "fp16": 2, "fp32": 4}


@dataclass(frozen=True, slots=True)
class Machine:
    """A device with its free memory in bytes, by card where it is one; `number_bytes`: of an activation.

    `free` is None where the system does not say. `held`: what this process has of the main memory already.
    `plain`: the precision of weights that are not quantised. `plain_room`: the bytes that they may take of a
    large model.
    """

    device: str
    free: int | None
    number_bytes: int
    held: int = 0
    plain: Precision = "bf16"
    plain_room: int = 0
    multiplies_packed: bool = True  # kernels in C do
    cards: tuple[CardRoom, ...] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """A model on a machine: whether it fits, and how many chats of the settings' context find room."""

    fits: bool
    rows: int


def this_machine(settings: ModelSettings) -> Machine:
    """Look at the machine and the settings' device."""
    device = best_device() if settings.device == "auto" else settings.device
    number_bytes = dtype_of(None, device).itemsize
    if device.startswith("cuda"):
        free = free_memory_of_cards()
        rooms = tuple(CardRoom(room, room) for room in free)
        return Machine(device, max(free, default=None), number_bytes, cards=rooms)
    return Machine(
        device,
        available_memory(),
        number_bytes,
        peak_memory(),
        plain_precision(device),
        plain_room(settings, device),
        multiplies_packed(settings, device),
    )


def precision_on(header: ModelHeader, settings: ModelSettings, machine: Machine) -> Precision:
    """Return the precision in which a model with plain weights is loaded there."""
    if settings.precision != "auto":
        return settings.precision
    return best_precision(header.parameters, machine.plain, machine.plain_room)


def plan_on(header: ModelHeader, settings: ModelSettings, machine: Machine) -> MemoryPlan | None:
    """Plan a model's main memory; None where a card holds it, or the system says nothing."""
    if machine.cards or machine.free is None:
        return None
    precision = precision_on(header, settings, machine)
    packed = machine.multiplies_packed and is_packed(header, settings, precision)
    number_bytes = 4 if packed or precision == "fp32" else machine.number_bytes  # of activations
    weights = weight_bytes_on_cpu(header, precision, packed=packed)
    return plan_memory(header, settings, machine.free, weights, number_bytes, machine.held)


def fit_on(header: ModelHeader, settings: ModelSettings, machine: Machine) -> Fit | None:
    """Return whether a model fits the machine; None where the system does not say what is free."""
    if plan := plan_on(header, settings, machine):
        return Fit(plan.fits, min(settings.rows, plan.rows(plan.context)))
    if not machine.cards:
        return None
    return _fit_on_cards(header, settings, machine.cards, precision_on(header, settings, machine))


def _fit_on_cards(
    header: ModelHeader, settings: ModelSettings, cards: Sequence[CardRoom], precision: Precision
) -> Fit:
    """Fit a model on the roomiest card, else on all of them."""
    sizes = _card_sizes(header, precision)
    context = min(settings.context, header.context or settings.context)
    best = Fit(False, 0)
    for used in ([max(cards, key=lambda card: card.free)], cards):
        budgets = predict_budgets(sizes, used, settings.rows, context)
        if min(budget.tokens for budget in budgets) >= MIN_TOKENS and not best.fits:
            best = Fit(True, min(settings.rows, conversations_of(budgets, context)))
    return best


def _card_sizes(header: ModelHeader, precision: Precision) -> ServingSizes:
    """Return the sizes of `sizes_of`, by the headers of the files."""
    number = 4 if precision == "fp32" else 2
    rest = (header.table + header.head) * number
    weights = int(_CARD_BYTES[precision] * (header.parameters - header.table - header.head)) + rest
    unpacked = number * header.hidden * header.intermediate if precision in ("nf4", "int8") else 0
    return ServingSizes(
        weights=weights,
        scales=0,
        read=weights,
        unpacked=unpacked,
        token_bytes=header.kv_numbers * number,
        adapter=2 * ADAPTER_RANK * header.lora_width,
        number_bytes=number,
        hidden=header.hidden,
        widest=header.intermediate,
        scored_heads=header.heads if header.is_scored else 0,
        vocabulary=header.vocabulary,
    )
