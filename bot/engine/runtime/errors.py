"""Errors of a model inside a request: their message to the person, their log record, and memory freed."""

import gc
import logging

import torch

from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.engine.runtime.log_fields import error_fields
from bot.errors import UserError

logger = logging.getLogger(__name__)


class DeviceLost(Exception):
    """A device that computes nothing any more in this process; the cause is the error that told."""


def explain_failure(error: BaseException) -> BaseException:
    """Log an error inside a request and return the error to raise to the caller.

    A device's fault becomes a `UserError`; out of memory also frees memory. Other errors are returned as they
    are. The log gets kind and stack alone: an error's own text may quote a prompt.
    """
    logger.error("request_failed", extra=error_fields(error))
    fault = device_fault_of(error)
    if fault is None:
        return error
    if fault is not DeviceFault.OUT_OF_MEMORY:
        return UserError(f"This request failed: {fault.value}.")
    error.__traceback__ = None  # it holds the request's tensors
    free_memory()
    return UserError(
        "There is not enough memory for this request: try a shorter message, or a smaller context, "
        "or close other programs that use the memory."
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory ran out, on any device."""
    return device_fault_of(error) is DeviceFault.OUT_OF_MEMORY


def raise_if_lost(error: BaseException, device: torch.device) -> None:
    """Raise `DeviceLost` where an error is a device's fault and the device computes nothing any more.

    Some errors of a lost context read as if memory had run out, so that only a computation tells.
    """
    if isinstance(error, DeviceLost):
        raise error
    if device.type != "cpu" and device_fault_of(error) is not None and not device_answers(device):
        raise DeviceLost from error


def device_answers(device: torch.device) -> bool:
    """Return whether a device computes one number; a device without free memory counts as answering."""
    try:
        torch.ones(1, device=device).item()
    except (Exception, MemoryError) as error:
        return is_out_of_memory(error)
    return True


def free_memory() -> None:
    """Free tensors of a failed request, on the GPU too."""
    gc.collect()
    if torch.cuda.is_available():
        try:
            torch.cuda.empty_cache()
        except RuntimeError as error:  # the context is lost, and its memory with it
            logger.warning("empty_cache_failed", extra=error_fields(error))
