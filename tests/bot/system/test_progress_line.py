"""A line of progress is written over itself on a terminal, and nowhere else."""

from io import StringIO

from bot.system.progress_line import ProgressLine


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_each_text_covers_the_last_and_the_end_clears_the_line() -> None:
    terminal = Terminal()
    with ProgressLine(terminal) as line:
        line.show("100 of 200 MB")
        line.show("9 MB\x1b[2J")
    assert terminal.getvalue() == "\r100 of 200 MB\r9 MB␛[2J     \r        \r"


def test_a_pipe_gets_nothing() -> None:
    pipe = StringIO()
    with ProgressLine(pipe) as line:
        line.show("100 of 200 MB")
    assert pipe.getvalue() == ""
