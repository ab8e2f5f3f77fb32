"""The loss curve as text."""

from training.runs.loss_text import COLUMNS, ROWS, draw_loss_text


def log(losses: list[float], held: dict[int, float]) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = [
        {"event": "learned", "step": step, "loss": loss} for step, loss in enumerate(losses, 1)
    ]
    return [*lines, *({"event": "judged", "step": step, "loss": loss} for step, loss in held.items())]


def test_losses_fall_from_the_first_row_to_the_last() -> None:
    shown = draw_loss_text(log([4.0 - 0.1 * step for step in range(30)], {15: 2.5, 30: 1.0}))
    rows = shown.splitlines()
    assert len(rows) == ROWS + 1
    assert rows[0].startswith("  4.00 ┤")
    assert rows[0].endswith("·")
    assert rows[-2] == "  1.00 ┤" + " " * (COLUMNS - 1) + "●"
    assert rows[-1] == "        loss in nats: · learned, ● held out" + " " * 17 + "30 steps"


def test_a_run_of_one_step_has_a_curve_and_none_without_steps() -> None:
    assert draw_loss_text([]) == ""
    assert draw_loss_text(log([2.0], {})).splitlines()[0] == "  2.00 ┤" + " " * (COLUMNS - 1) + "·"
