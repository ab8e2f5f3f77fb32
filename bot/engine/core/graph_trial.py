"""The trial of captured decoding steps when the engine starts: they must compute what others compute."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_cache import MIN_CAPACITY
from bot.engine.core.async_decode import AsyncDecoder
from bot.engine.core.resources import RequestResources
from bot.engine.interface import Request
from bot.engine.model_executor.decode_graph import Capture, CudaCapture, StepOutput
from bot.engine.model_executor.probes import relative_error
from bot.engine.runtime.errors import raise_if_lost
from bot.engine.sampling.card_sampler import CardSampler
from bot.persona.persona import Sampling

_TRIAL_LENGTHS = (3, 90)  # tokens of keys and values, of one layout
_REQUEST = Request((1,), Sampling(temperature=0))
_ALIKE = 0.02  # relative error of logits: the same kernels may still choose other workspaces


def async_decoder_of(resources: RequestResources, graphs: bool) -> AsyncDecoder | None:
    """Return a decoder for a model on cards, None on a CPU; `graphs`: on one card, captured if that works."""
    runner, sampler = resources.loaded.runner, resources.sampler
    if not isinstance(sampler, CardSampler):
        return None
    decoder = AsyncDecoder(runner, sampler)
    if graphs:
        try_graphs(decoder, resources)
    return decoder


def capture_on(devices: Collection[torch.device]) -> Capture | None:
    """Return what captures steps on these devices: only one graphics card does."""
    return CudaCapture(*devices) if [device.type for device in devices] == ["cuda"] else None


def try_graphs(decoder: AsyncDecoder, resources: RequestResources) -> None:
    """Capture steps from now on, if captured steps compute what the same kernels do one by one.

    Whatever goes wrong here, the engine serves without. Raises only where the device is lost.
    """
    graphs = decoder.graphs
    try:
        capture = capture_on(resources.loaded.runner.token_bytes_by_device)
        if capture is not None:
            _compare(decoder, resources, capture)
    except (Exception, MemoryError) as error:
        raise_if_lost(error, resources.loaded.runner.device)
        graphs.turn_off(f"{type(error).__name__}: {error}")
    graphs.clear()
    resources.cache.release_unused()


def _compare(decoder: AsyncDecoder, resources: RequestResources, capture: Capture) -> None:
    graphs, lengths = decoder.graphs, _TRIAL_LENGTHS
    _trial(decoder, resources, lengths[0])  # makes what is made once
    with capture.refusing_waits():
        plain = [_trial(decoder, resources, length) for length in lengths]
    graphs.capture = capture
    _trial(decoder, resources, lengths[0])  # a layout is captured when it comes again
    captured = [_trial(decoder, resources, length) for length in lengths]
    if graphs.capture is None:
        return
    error = relative_error([each.logits for each in captured], [each.logits for each in plain])
    if not error < _ALIKE or not all(map(torch.equal, *_tokens(captured, plain))):
        graphs.turn_off("captured steps compute other numbers")


def _tokens(*trials: Sequence[StepOutput]) -> list[list[Tensor]]:
    return [[each.tokens for each in trial] for trial in trials]


@torch.inference_mode()
def _trial(decoder: AsyncDecoder, resources: RequestResources, length: int) -> StepOutput:
    """Run a step of two rows behind `length` tokens, and one more, whose keys and values are zeros."""
    cache, sampler = resources.cache, resources.sampler
    kv_slots = cache.allocate(MIN_CAPACITY, min(2, resources.max_sequences)) or cache.allocate(MIN_CAPACITY)
    slots: list[int] = []
    try:
        for number, kv_slot in enumerate(kv_slots or []):
            slots.append(sampler.add_sequence(_REQUEST, number, (), seed=1))
            kv_slot.length = length + number
        _, output = decoder.run([TokenSpan(kv_slot, (0,)) for kv_slot in kv_slots or []], slots)
        # copies: the next step overwrites what a graph gave
        return StepOutput(output.logits[: len(slots)].clone(), output.tokens[: len(slots)].clone())
    finally:
        for kv_slot in kv_slots or []:
            cache.free(kv_slot, wipe=range(kv_slot.length + 1))
        for slot in slots:
            sampler.remove_sequence(slot)
