"""Memory of cards: what a loaded model leaves for conversations, beside a step and the adapters."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from bot.engine.attention.forward_batch import MAX_CHUNK, TokenSpan
from bot.engine.attention.kv_slab import KVSlab
from bot.engine.runtime.errors import free_memory
from bot.errors import UserError

if TYPE_CHECKING:
    from bot.engine.model_executor.model_runner import ModelRunner  # loads transformers

ADAPTERS, ADAPTER_RANK = 4, 16  # adapters, and their rank on all linear layers, that always find room
MIN_TOKENS = 1024  # of a conversation that is worth serving
WORKSPACE_BYTES = 256 << 20  # of cuBLAS, and gaps between blocks
SAMPLING_BYTES = 40  # for each row and token of the vocabulary: logits and scores of a step, and of a graph


@dataclass(frozen=True, slots=True)
class CardBudget:
    """Bytes of one card by part, with a model loaded. `others` belong to other programs and the driver."""

    device: torch.device
    total: int
    others: int
    weights: int
    step: int
    adapters: int
    conversations: int
    token_bytes: int  # of a token's keys and values in the layers of this card

    @property
    def tokens(self) -> int:
        """The tokens of all conversations together."""
        return max(0, self.conversations) // max(1, self.token_bytes)


def card_budgets(runner: "ModelRunner", rows: int, context: int) -> tuple[CardBudget, ...]:
    """Measure a step, and return the budget of every card that holds layers of the model.

    `rows`: the most sequences at once; `context`: the tokens of the longest. Nothing but the model may be on
    the cards.
    """
    devices = tuple(runner.token_bytes_by_device)
    free_memory()
    weights = {device: torch.cuda.memory_allocated(device) for device in devices}
    steps = _measure_step(runner, devices, context)
    free_memory()
    sampling = rows * runner.vocabulary * SAMPLING_BYTES
    adapters = _adapter_bytes(runner)
    budgets = []
    for device in devices:
        free, total = torch.cuda.mem_get_info(device)
        step = steps[device] + WORKSPACE_BYTES + (sampling if device == devices[-1] else 0)
        room = free - step - adapters.get(device, 0)
        budgets.append(
            CardBudget(
                device=device,
                total=total,
                others=total - free - weights[device],
                weights=weights[device],
                step=step,
                adapters=adapters.get(device, 0),
                conversations=room,
                token_bytes=runner.token_bytes_by_device[device],
            )
        )
    return tuple(budgets)


def conversation_tokens(budgets: tuple[CardBudget, ...], name: str) -> int:
    """Return the tokens of all conversations together; raises `UserError` where they are too few to talk."""
    tightest = min(budgets, key=lambda budget: budget.tokens)
    if tightest.tokens < MIN_TOKENS:
        raise UserError(
            f"The base model {name} leaves {max(0, tightest.conversations) >> 20:,} MB of the card's "
            f"{tightest.total >> 20:,} MB for conversations, and {MIN_TOKENS:,} tokens take "
            f"{MIN_TOKENS * tightest.token_bytes >> 20:,} MB: choose a smaller [model] name, precision "
            '"nf4", or close other programs that use the card.'
        )
    return tightest.tokens


@torch.inference_mode()
def _measure_step(
    runner: "ModelRunner", devices: tuple[torch.device, ...], context: int
) -> Mapping[torch.device, int]:
    """Return the bytes that the largest step takes on each card beside its keys and values.

    That is the last chunk of a prompt as long as the context, or as half of a card has room for.
    """
    before = {device: torch.cuda.memory_allocated(device) for device in devices}
    length = _measured_length(runner, context)
    slot = KVSlab(slot_count=1, capacity=length).allocate()
    slot.length = length - MAX_CHUNK
    for device in devices:
        torch.cuda.reset_peak_memory_stats(device)
    runner.forward(runner.batch_of([TokenSpan(slot, (0,) * MAX_CHUNK)]))
    kept = {device: length * runner.token_bytes_by_device[device] for device in devices}
    peak = {device: torch.cuda.max_memory_allocated(device) for device in devices}
    return {device: max(0, peak[device] - before[device] - kept[device]) for device in devices}


def _measured_length(runner: "ModelRunner", context: int) -> int:
    rooms = (
        torch.cuda.mem_get_info(device)[0] // size for device, size in runner.token_bytes_by_device.items()
    )
    return max(MAX_CHUNK, min(context, *(room // 2 for room in rooms)))


def _adapter_bytes(runner: "ModelRunner") -> Mapping[torch.device, int]:
    """Return the bytes of `ADAPTERS` adapters on each card."""
    found: dict[torch.device, int] = {}
    for device, numbers in runner.lora_sizes:
        found[device] = found.get(device, 0) + 2 * ADAPTERS * ADAPTER_RANK * numbers
    return found
