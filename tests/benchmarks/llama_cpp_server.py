"""llama.cpp's server, by `xllamacpp`, in a process of its own.

In one process its OpenMP helpers and ours would be more than the cores: the library that both share lets
helpers sleep between any two tasks then, and both sides take up to twice as long.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from tests.benchmarks.load import Rate, ids


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The model's file, the most rows at once, tokens of context over all rows, adapters, and threads."""

    model: Path
    rows: int
    tokens: int
    adapters: tuple[Path, ...] = ()
    threads: int = 2


class Rival:
    """The server, as a context. Its process waits while nothing is asked."""

    def __init__(self, settings: ServerSettings) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._pipe, child = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(settings, child), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self._pipe.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    def rows(self, rows: int, tokens: int, *, prompt: int = 200, mixed: bool = False) -> Rate:
        """So many answers at once to the prompts of `ids`; `mixed`: each under the next adapter."""
        self._pipe.send(("rows", rows, tokens, prompt, mixed))
        return self._answer()

    def read(self, prompt: Sequence[int]) -> float:
        """Tokens a second of a prompt's reading."""
        self._pipe.send(("read", list(prompt)))
        return float(self._answer())

    def losses(self, piece: Sequence[int]) -> list[float]:
        """The negative log-likelihood of each token of a text behind the first, decoded one by one."""
        self._pipe.send(("losses", list(piece)))
        return list(self._answer())

    def memory(self) -> int:
        """The most bytes that its process has had in memory."""
        self._pipe.send(("memory",))
        return int(self._answer())

    def _answer(self) -> Any:
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _serve(settings: ServerSettings, pipe: Connection) -> None:
    server = _Server(settings)
    pipe.send(None)
    while True:
        name, *arguments = pipe.recv()
        try:
            pipe.send(getattr(server, name)(*arguments))
        except Exception as error:
            pipe.send(error)


class _Server:
    def __init__(self, settings: ServerSettings) -> None:
        import xllamacpp  # the process that measures never loads it

        told = xllamacpp.CommonParams()
        told.model.path = str(settings.model)
        told.n_ctx, told.n_parallel, told.kv_unified = settings.tokens, settings.rows, True
        told.n_gpu_layers, told.verbosity, told.cache_ram_mib = 0, -1, 0
        told.cpuparams.n_threads = told.cpuparams_batch.n_threads = settings.threads
        told.lora_init_without_apply = True
        told.lora_adapters = [_adapter(xllamacpp.CommonAdapterLoraInfo(), path) for path in settings.adapters]
        self._server = xllamacpp.Server(told)
        self._adapters = len(settings.adapters)
        self._pool = ThreadPoolExecutor(settings.rows)

    def rows(self, rows: int, tokens: int, prompt: int, mixed: bool) -> Rate:
        began = perf_counter()
        asked = [(ids(row, prompt), tokens, row % self._adapters if mixed else None) for row in range(rows)]
        timings = list(self._pool.map(lambda each: self._ask(*each), asked))
        whole = perf_counter() - began
        decoding = max(each["predicted_ms"] for each in timings) / 1000
        return Rate(rows * (tokens - 1) / decoding, rows * tokens / whole, timings[0]["prompt_ms"] / 1000)

    def _ask(self, prompt: Sequence[int], tokens: int, adapter: int | None) -> Any:
        scales = [{"id": each, "scale": float(each == adapter)} for each in range(self._adapters)]
        asked = {"prompt": list(prompt), "temperature": 0, "max_tokens": tokens, "lora": scales}
        return self._server.handle_completions({**asked, "ignore_eos": True})["timings"]

    def read(self, prompt: list[int]) -> float:
        asked = {"prompt": prompt, "temperature": 0, "max_tokens": 1, "cache_prompt": False}
        return float(self._server.handle_completions(asked)["timings"]["prompt_per_second"])

    def losses(self, piece: list[int]) -> list[float]:
        """Each token is forced; its likelihood is that of the logits before it was."""
        return [self._loss(piece[:end], piece[end]) for end in range(1, len(piece))]

    def _loss(self, prompt: list[int], wanted: int) -> float:
        asked = {"prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 1, "cache_prompt": True}
        got = self._server.handle_completions({**asked, "logit_bias": [[wanted, 1000.0]]})
        (token,) = got["choices"][0]["logprobs"]["content"]
        assert token["id"] == wanted, "The token was not forced."
        return -float(token["logprob"])

    def memory(self) -> int:
        return peak_memory()


def peak_memory() -> int:
    """The most bytes that this process has had in memory."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def _adapter(info: Any, path: Path) -> Any:
    info.path, info.scale = str(path), 0.0
    return info
