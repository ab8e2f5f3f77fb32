"""What an error of the model means for the person who waits, and how to go on after it."""

import gc
import logging
import traceback

import torch

from bot.errors import UserError

logger = logging.getLogger(__name__)


def explain_failure(error: BaseException) -> BaseException:
    """What to tell of an error inside a request; the log gets it without any text of a prompt."""
    places = "".join(traceback.format_tb(error.__traceback__))
    logger.error("A request failed: %s\n%s", type(error).__name__, places)
    if not is_out_of_memory(error):
        return error
    error.__traceback__ = None  # it holds the request's tensors
    free_memory()
    return UserError(
        "There is not enough memory for this request: try a shorter message, or a smaller context."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    words = ("not enough memory", "can't allocate memory", "out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(word in str(error).lower() for word in words)
    )


def free_memory() -> None:
    """Give back what a failed request held."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
