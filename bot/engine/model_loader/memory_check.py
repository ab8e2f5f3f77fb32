"""The memory plan of the settings' model in sentences, and the refusal of a model that cannot fit."""

from bot.config import ModelSettings
from bot.engine.attention.kv_cache import MIN_CAPACITY
from bot.engine.checkpoint.folder_model import read_model_header
from bot.engine.checkpoint.model_header import ModelHeader
from bot.engine.checkpoint.source import ModelSource
from bot.engine.model_loader.machine import plan_on, this_machine
from bot.engine.model_loader.memory_budget import ADAPTER_RANK, ADAPTERS, MIN_TOKENS
from bot.engine.model_loader.memory_plan import MemoryPlan
from bot.errors import UserError
from bot.untrusted import RefusedFile

_REMEDY = (
    "take a smaller [model] name or a file of fewer bits (`python -m bot models` lists what fits), or close "
    "other programs"
)


def check_memory(source: ModelSource, settings: ModelSettings) -> MemoryPlan | None:
    """Return the plan of a model that is to be loaded on a CPU; raises `UserError` where it cannot fit.

    Returns None where a card holds the model, and for files that the loader itself refuses.
    """
    plan = plan_of(source, settings)
    if plan is not None and not plan.fits:
        raise UserError(f"The base model {source.name} is not loaded: {describe_lack(plan)}.")
    return plan


def plan_of(source: ModelSource, settings: ModelSettings) -> MemoryPlan | None:
    """Return the memory plan of a model on this machine's CPU; None as of `check_memory`."""
    header = _readable_header(source)
    if header is None or header.standing == "refused" or not header.is_plausible:
        return None
    return plan_on(header, settings, this_machine(settings))


def _readable_header(source: ModelSource) -> ModelHeader | None:
    try:
        return read_model_header(source.path) if source.path else None
    except (UserError, RefusedFile):
        return None


def describe_lack(plan: MemoryPlan) -> str:
    """Return the parts of a model that does not fit, and the remedy."""
    return (
        f"its weights take {_gb(plan.weights)} GB, a step {_gb(plan.step)} GB and a chat of {MIN_TOKENS:,} "
        f"tokens {_gb(MIN_TOKENS * plan.token_bytes)} GB, and {_gb(plan.free - plan.program)} GB of memory "
        f"are free for them; {_REMEDY}"
    )


def describe_plan(plan: MemoryPlan, rows: int) -> str:
    """Return the parts of a model that fits, and how many chats find room; `rows`: those of the settings."""
    return (
        f"weights {_gb(plan.weights)} GB, a step {_gb(plan.step)} GB, {ADAPTERS} adapters of rank "
        f"{ADAPTER_RANK} {_gb(plan.adapters)} GB, Python and torch {_gb(plan.program)} GB more, of "
        f"{_gb(plan.free)} GB that are free; keys and values {plan.token_bytes / 1000:,.1f} kB a token, "
        f"{_gb(plan.cache)} GB for all: {_describe_rows(plan, rows)}"
    )


def _describe_rows(plan: MemoryPlan, rows: int) -> str:
    found = plan.rows(plan.context)
    if found >= rows:
        return f"all {rows} rows of {plan.context:,} tokens fit"
    if found:
        most = min(rows, plan.most_rows(plan.context))
        megabytes = -(-most * plan.context * plan.token_bytes >> 20)
        more = f"; [model] cache = {megabytes} makes it {most}" if most > found else ""
        return f"{found} of {rows} rows of {plan.context:,} tokens fit, others wait{more}"
    shorter = plan.tokens // MIN_CAPACITY * MIN_CAPACITY
    return f"no row of {plan.context:,} tokens fits: set [model] context to {shorter}, or {_REMEDY}"


def judge_plan(plan: MemoryPlan, rows: int) -> tuple[bool, str]:
    """Return whether a chat of the settings' context finds room, and the plan in words; `rows`: as above."""
    if not plan.fits:
        return False, describe_lack(plan)
    return plan.rows(plan.context) > 0, describe_plan(plan, rows)


def _gb(count: int) -> str:
    return f"{count / 1e9:.2f}"
