"""The trial of captured decoding steps when the engine starts: they must compute what others compute."""

from collections.abc import Collection

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_cache import MIN_CAPACITY
from bot.engine.core.async_decode import AsyncDecoder
from bot.engine.core.resources import RequestResources
from bot.engine.interface import Request
from bot.engine.model_executor.decode_graph import Capture, CudaCapture
from bot.engine.model_executor.probes import relative_error
from bot.engine.runtime.device_faults import DeviceFault, device_fault_of
from bot.engine.sampling.card_sampler import CardSampler
from bot.persona.persona import Sampling

_TRIAL_LENGTHS = (3, 90)  # tokens of keys and values, of one layout
_ALIKE = 0.02  # relative error of logits: the same kernels may still choose other workspaces


def async_decoder_of(resources: RequestResources, graphs: bool) -> AsyncDecoder | None:
    """Return a decoder for a model on cards, None on a CPU; `graphs`: on one card, captured if that works."""
    runner, sampler = resources.loaded.runner, resources.sampler
    if not isinstance(sampler, CardSampler):
        return None
    decoder = AsyncDecoder(runner, sampler)
    if graphs and (capture := capture_on(runner.token_bytes_by_device)):
        try_graphs(decoder, resources, capture)
    return decoder


def capture_on(devices: Collection[torch.device]) -> Capture | None:
    """Return what captures steps on these devices: only one graphics card does."""
    return CudaCapture() if [device.type for device in devices] == ["cuda"] else None


def try_graphs(decoder: AsyncDecoder, resources: RequestResources, capture: Capture) -> None:
    """Capture steps from now on, if captured steps compute what the same kernels do one by one."""
    graphs = decoder.graphs
    try:
        plain = [_trial(decoder, resources, length) for length in _TRIAL_LENGTHS]
        graphs.capture = capture
        _trial(decoder, resources, _TRIAL_LENGTHS[0])  # a layout is captured when it comes again
        captured = [_trial(decoder, resources, length) for length in _TRIAL_LENGTHS]
    except RuntimeError as error:
        if device_fault_of(error) is DeviceFault.CONTEXT_LOST:
            raise
        graphs.turn_off(str(error))
        return
    if graphs.capture is not None and not relative_error(captured, plain) < _ALIKE:
        graphs.turn_off("captured steps compute other numbers")
    graphs.clear()
    resources.cache.release_unused()


@torch.inference_mode()
def _trial(decoder: AsyncDecoder, resources: RequestResources, length: int) -> Tensor:
    """Return logits [2, vocabulary] of a step behind `length` tokens, and one more, whose KV are zeros."""
    cache, sampler = resources.cache, resources.sampler
    kv_slots = cache.allocate(MIN_CAPACITY, min(2, resources.max_sequences)) or []
    slots = [sampler.add_sequence(Request((1,), Sampling()), n, (), seed=1) for n in range(len(kv_slots))]
    for number, kv_slot in enumerate(kv_slots):
        kv_slot.length = length + number
    try:
        _, output = decoder.run([TokenSpan(kv_slot, (0,)) for kv_slot in kv_slots], slots)
        return output.logits[: len(slots)].clone()  # the next step overwrites them
    finally:
        for kv_slot, slot in zip(kv_slots, slots, strict=True):
            cache.free(kv_slot, wipe=kv_slot.length + 1)
            sampler.remove_sequence(slot)
