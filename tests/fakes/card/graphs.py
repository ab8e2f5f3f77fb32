"""Streams, events and graphs of a pretended card."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from tests.fakes.card.launches import Launches


class PretendedStream:
    """A stream: everything on it has already happened."""

    def __init__(self, *args: Any, **keys: Any) -> None:
        pass

    def wait_stream(self, other: Any) -> None:
        pass

    def wait_event(self, event: Any) -> None:
        pass

    def synchronize(self) -> None:
        pass


def graph_patches(launches: Launches) -> list[tuple[Any, str, Any]]:
    """Return what stands in for classes of torch.cuda: (module, name, replacement)."""

    class Graph:
        """A captured graph; `kernels` are those that one replay launches."""

        def __init__(self, keep_graph: bool = False) -> None:
            self.kernels: Counter[str] = Counter()

        def replay(self) -> None:
            launches.launch_graph()

        def reset(self) -> None:
            self.kernels.clear()

        def pool(self) -> object:
            return self

    class Event:
        def __init__(self, *args: Any, **keys: Any) -> None:
            pass

        def record(self, stream: Any = None) -> None:
            pass

        def query(self) -> bool:
            return True

        def synchronize(self) -> None:
            launches.read()

        def elapsed_time(self, end: Any) -> float:
            return 1.0

    @contextmanager
    def graph(made: Graph, pool: Any = None, stream: Any = None, **keys: Any) -> Iterator[None]:
        launches.capture = made.kernels
        try:
            yield
        finally:
            launches.capture = None

    @contextmanager
    def on_stream(stream: Any) -> Iterator[None]:
        yield

    return [
        (torch.cuda, "CUDAGraph", Graph),
        (torch.cuda, "graph", graph),
        (torch.cuda, "graph_pool_handle", object),
        (torch.cuda, "Stream", PretendedStream),
        (torch.cuda, "Event", Event),
        (torch.cuda, "stream", on_stream),
        (torch.cuda, "device", on_stream),
        (torch.cuda, "set_sync_debug_mode", lambda mode: launches.refuse_reads(mode == "error")),
        (torch.cuda, "current_stream", lambda device=None: PretendedStream()),
        (torch.cuda, "is_current_stream_capturing", lambda: launches.capture is not None),
    ]
