"""Perplexity of served weights: `python -m tests.benchmarks.perplexity [MODEL.gguf] [--nf4] [--tokens N]`.

Without `--nf4` a GGUF file as the engine serves it on a CPU is compared with llama.cpp on the same file; with
it, the same model packed in nf4 with bitsandbytes' own layers in transformers. The text is this project's
documentation, in pieces of 256 tokens that know nothing of each other. Both sides read token by token what is
there, as they decode. The standard error is that of the mean difference of tokens.
`tests/benchmarks/quantised.py` says how to get a file of 1.5B.
"""

import argparse
import itertools
import math
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from bot.config import ModelSettings
from bot.engine.attention.forward_batch import TokenSpan
from bot.engine.attention.kv_cache import KVCache
from bot.engine.kernels.compiler import LibraryBuild
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader.load_plan import LoadPlan, plan_load
from bot.engine.model_loader.loader import load_model, load_weights
from bot.engine.runtime.environment import prepare_environment
from tests.benchmarks.llama_cpp_server import Rival, ServerSettings

PIECE = 256  # tokens
_DOCS = Path(__file__).parents[2] / "docs"


def pieces_of(plan: LoadPlan, tokens: int) -> list[list[int]]:
    """The first tokens of the documentation, cut into pieces of `PIECE`."""
    text = "\n\n".join(path.read_text("utf-8") for path in sorted(_DOCS.glob("*.md")))
    ids = plan.read_tokenizer().encode(text)[:tokens]
    return [ids[start : start + PIECE] for start in range(0, len(ids) - PIECE + 1, PIECE)]


@torch.inference_mode()
def engine_losses(runner: ModelRunner, piece: Sequence[int]) -> Iterator[float]:
    """The negative log-likelihood of each token behind the first, by the engine's own decoding."""
    cache = KVCache(budget=1 << 32, slab_tokens=PIECE)
    (slot,) = cache.allocate(len(piece), 1) or ()
    for given, wanted in itertools.pairwise(piece):
        batch = runner.batch_of([TokenSpan(slot, [given])])
        yield -float(torch.log_softmax(runner.forward(batch)[0].float(), -1)[wanted])
        batch.advance()


@torch.inference_mode()
def library_losses(model: torch.nn.Module, piece: Sequence[int]) -> list[float]:
    """The same, by one pass of transformers."""
    ids = torch.tensor([piece])
    logits = model(input_ids=ids).logits[0, :-1].float()
    return torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none").tolist()


def engine_runner(settings: ModelSettings, data: Path) -> tuple[LoadPlan, ModelRunner]:
    plan = plan_load(settings, data, lambda stage: None, serves_packed=True)
    assert plan.packed is not None, "Packed weights are served with a C compiler alone."
    return plan, load_model(plan, settings, plan.read_tokenizer(), LibraryBuild().library()).runner


def against_llama_cpp(settings: ModelSettings, data: Path, tokens: int) -> tuple[list[float], list[float]]:
    plan, runner = engine_runner(settings, data)
    assert plan.gguf is not None
    pieces = pieces_of(plan, tokens)
    ours = [loss for piece in pieces for loss in engine_losses(runner, piece)]
    with Rival(ServerSettings(plan.gguf.path, 1, 2 * PIECE, threads=torch.get_num_threads())) as rival:
        return ours, [loss for piece in pieces for loss in rival.losses(piece)]


def against_bitsandbytes(settings: ModelSettings, data: Path, tokens: int) -> tuple[list[float], list[float]]:
    """A GGUF file is made plain first: both sides quantise the same numbers."""
    plain = plan_load(settings.model_copy(update={"precision": "bf16"}), data, lambda stage: None)
    nf4 = settings.model_copy(update={"precision": "nf4", "name": str(plain.folder)})
    plan, runner = engine_runner(nf4, data)
    pieces = pieces_of(plan, tokens)
    ours = [loss for piece in pieces for loss in engine_losses(runner, piece)]
    library = load_weights(plan_load(nf4, data, lambda stage: None), nf4)
    return ours, [loss for piece in pieces for loss in library_losses(library, piece)]


def report(name: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    mine, other = (math.exp(statistics.fmean(losses)) for losses in (ours, theirs))
    apart = [one - two for one, two in zip(ours, theirs, strict=True)]
    error = statistics.stdev(apart) / math.sqrt(len(apart))
    print(f"{len(ours)} tokens; perplexity: ours {mine:.4f}, {name} {other:.4f}")
    print(f"ours is {100 * (mine / other - 1):+.2f} % (standard error {100 * error:.2f} %)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--nf4", action="store_true")
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    prepare_environment()
    torch.set_num_threads(options.threads)
    told = {"name": str(options.model)} if options.model else {}
    settings = ModelSettings.model_validate({**told, "context": 2 * PIECE})
    compare = against_bitsandbytes if options.nf4 else against_llama_cpp
    with tempfile.TemporaryDirectory() as folder:
        report(
            "bitsandbytes" if options.nf4 else "llama.cpp", *compare(settings, Path(folder), options.tokens)
        )


if __name__ == "__main__":
    main()
