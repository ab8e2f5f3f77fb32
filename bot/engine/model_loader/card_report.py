"""Lines of `doctor` about graphics cards: what they are, what a base model leaves there, and how fast it is.

No weights are read: all is predicted from config.json.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from bot.config import ModelSettings
from bot.engine.checkpoint.source import locate_model
from bot.engine.model_loader.device_check import check_device, spill_advice
from bot.engine.model_loader.load_failure import explain_load_failure
from bot.engine.model_loader.load_plan import LoadPlan
from bot.engine.model_loader.loader import meta_model
from bot.engine.model_loader.memory_budget import ADAPTER_RANK, ADAPTERS, CardBudget, conversation_tokens
from bot.engine.model_loader.memory_prediction import (
    CardRoom,
    ServingSizes,
    conversations_of,
    predict_budgets,
    sizes_of,
)
from bot.engine.model_loader.placement import device_map_of
from bot.engine.model_loader.quantization import best_device, chosen_precision, stored_precision
from bot.engine.model_loader.speed_prediction import LENGTH, CardSpeed, bandwidth_of, predict_speed
from bot.engine.runtime.environment import prepare_environment
from bot.engine.runtime.nvidia import listed_card
from bot.errors import UserError

LENGTHS = (4000, LENGTH)  # tokens of the conversations that are counted
ROWS = (1, 8)  # replies at once whose speed is told


@dataclass(frozen=True, slots=True)
class GraphicsCard:
    """A card as torch sees it; `bandwidth` is bytes a second, None where nothing tells it."""

    index: int
    name: str
    capability: tuple[int, int]
    room: CardRoom
    bandwidth: int | None


def card_lines(settings: ModelSettings) -> Iterator[str]:
    """Yield a line for each card, then memory, conversations and speed of the settings' model on them.

    Yields nothing where the model is to run on a CPU, and nothing about a model that is not found. Raises
    `UserError` for a card that cannot serve it.
    """
    prepare_environment()
    device = best_device() if settings.device == "auto" else settings.device
    if not device.startswith("cuda"):
        return
    check_device(device)
    cards = find_cards(device)
    yield from map(_describe, cards)
    if advice := spill_advice(device):
        yield advice
    try:
        source = locate_model(settings)
    except UserError:
        return  # the check of the model tells it
    if source.kind != "folder":
        where = "is fetched from the hub" if source.kind == "hub" else "is converted from its .gguf file"
        yield f"memory and speed are told once {source.name} {where}, at the first start"
        return
    precision = chosen_precision(source, settings, device)
    plan = LoadPlan(source, "", stored_precision(source, settings) or precision, device)
    try:
        sizes = sizes_of(meta_model(plan), plan.precision, device)
    except Exception as error:  # any error of the libraries over a model's files
        raise explain_load_failure(error, source.name, plan) from error
    yield from model_lines(sizes, cards, settings)


def model_lines(sizes: ServingSizes, cards: Sequence[GraphicsCard], settings: ModelSettings) -> Iterator[str]:
    """Yield the lines about a model of these sizes; raises `UserError` without room for a conversation."""
    used = _cards_of_model(sizes, cards)
    budgets = predict_budgets(sizes, [card.room for card in used], settings.rows, settings.context)
    yield from (_describe_memory(card, budget, sizes) for card, budget in zip(used, budgets, strict=True))
    conversation_tokens(budgets, settings.name)
    counts = [f"{conversations_of(budgets, length):,} of {length:,} tokens" for length in LENGTHS]
    yield f"room for conversations: {', or '.join(counts)}; {settings.rows} are answered at once"
    bandwidths = [card.bandwidth for card in used if card.bandwidth]
    if len(bandwidths) < len(used):
        yield "speed: unknown, since nothing tells the bandwidth of this card's memory"
        return
    yield _describe_speed([predict_speed(sizes, min(bandwidths), rows) for rows in ROWS], min(bandwidths))


def find_cards(device: str) -> list[GraphicsCard]:
    """Return the cards of "cuda", or the one of "cuda:1"."""
    index = torch.device(device).index
    return [_card(one) for one in (range(torch.cuda.device_count()) if index is None else (index,))]


def _card(index: int) -> GraphicsCard:
    properties = torch.cuda.get_device_properties(index)
    free, total = torch.cuda.mem_get_info(index)
    clock = getattr(properties, "memory_clock_rate", 0)  # builds for other makers' cards may lack them
    bus = getattr(properties, "memory_bus_width", 0)
    capability = (properties.major, properties.minor)
    bandwidth = bandwidth_of(properties.name, clock, bus)
    return GraphicsCard(index, properties.name, capability, CardRoom(total, free), bandwidth)


def _cards_of_model(sizes: ServingSizes, cards: Sequence[GraphicsCard]) -> list[GraphicsCard]:
    """Return the card that the loader takes, or all where it spreads the model."""
    placed = device_map_of(sizes.weights, [card.room.free for card in cards])["device_map"]
    if placed == "auto":
        return list(cards)
    return [cards[torch.device(placed[""]).index]]


def _describe(card: GraphicsCard) -> str:
    listed = listed_card()
    driver = f"driver {listed.driver:.2f}" if listed else "driver unknown to nvidia-smi"
    capability = ".".join(map(str, card.capability))
    return (
        f"cuda:{card.index} is {card.name}: {driver}, compute capability {capability}, "
        f"{card.room.total >> 20:,} MB, of which {card.room.free >> 20:,} are free"
    )


def _describe_memory(card: GraphicsCard, budget: CardBudget, sizes: ServingSizes) -> str:
    share = sizes.scales * budget.weights // sizes.weights
    scales = f" (of these, {share >> 20:,} for scales of nf4)" if share else ""
    return (
        f"memory of cuda:{card.index} in MB, predicted: weights {budget.weights >> 20:,}{scales}, a step "
        f"{budget.step >> 20:,}, {ADAPTERS} adapters of rank {ADAPTER_RANK} {budget.adapters >> 20:,}, "
        f"conversations {max(0, budget.conversations) >> 20:,}, other programs and the driver "
        f"{budget.others >> 20:,}"
    )


def _describe_speed(speeds: Sequence[CardSpeed], bandwidth: int) -> str:
    one, many = speeds
    share = (many.adapters + many.conversations) // many.rows
    return (
        f"speed, estimated and never measured on a card: at most {one.tokens_per_second:,.0f} tokens/s for "
        f"one reply and {many.tokens_per_second:,.0f} for {many.rows} together, limited by the card's "
        f"memory, {bandwidth / 1e9:,.0f} GB/s: a step reads {one.weights / 1e9:.1f} GB of weights and "
        f"{share / 1e6:,.0f} MB for each reply, its adapter and a conversation of {LENGTH:,} tokens"
    )
