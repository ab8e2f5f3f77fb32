"""Progress of a transfer: megabytes, rate over the last seconds, and time left."""

from bot.engine.checkpoint.transfer_progress import TransferProgress, progress_bar_class

MB = 10**6


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_megabytes_rate_and_time_left_are_told() -> None:
    told: list[str] = []
    clock = Clock()
    progress = TransferProgress("a/b", 940 * MB, told.append, clock)
    bar = progress_bar_class(progress)(initial=100 * MB)
    for clock.now in (1.0, 1.1, 2.0):
        bar.update(10 * MB)
    assert told == [
        "fetching a/b (once): 110 of 940 MB, 10.0 MB/s, 1:23 left",
        "fetching a/b (once): 130 of 940 MB, 15.0 MB/s, 0:54 left",
    ]


def test_a_slow_transfer_has_a_rate_and_a_long_one_hours() -> None:
    told: list[str] = []
    clock = Clock()
    progress = TransferProgress("a/b", 40_000 * MB, told.append, clock)
    progress.begin(0)
    clock.now = 20.0
    progress.advance(100 * MB)
    assert told == ["fetching a/b (once): 100 of 40,000 MB, 5.0 MB/s, 2:13:00 left"]


def test_a_file_that_begins_anew_is_taken_back() -> None:
    progress = TransferProgress("a/b", 50 * MB, lambda text: None, Clock())
    bar = progress_bar_class(progress)(initial=20 * MB)
    bar.update(-20 * MB)
    bar.update(5 * MB)
    assert progress.text() == "fetching a/b (once): 5 of 50 MB"
