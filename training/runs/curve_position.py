"""The position of a step on the curve of the learning rate, which a later run can go on from."""

import msgspec


class CurvePosition(msgspec.Struct, frozen=True):
    """The number of steps done on a stage's curve, of `steps` in all."""

    stage: str
    step: int
    steps: int
