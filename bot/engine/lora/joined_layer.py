"""One of several linear layers that read the same input and are computed in one product."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JoinedLayer:
    """One layer of the model, as columns `start` to `end` of a joined product."""

    name: str
    start: int
    end: int
