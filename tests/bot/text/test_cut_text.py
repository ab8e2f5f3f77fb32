"""A text that is cut tells how much of it is missing."""

import pytest

from bot.text.cut_text import cut_text, is_cut


@pytest.mark.parametrize("length", [101, 150, 16_001, 10**6])
def test_a_cut_text_fits_and_tells_the_number_of_missing_characters(length: int) -> None:
    cut = cut_text("x" * length, 100)
    kept = cut.count("x")
    assert len(cut) <= 100
    assert cut == "x" * kept + f"… [{length - kept:,} more characters were left out]"
    assert is_cut(cut)


def test_a_text_that_fits_stays() -> None:
    assert cut_text("x" * 100, 100) == "x" * 100
    assert not is_cut("x… [3 more]")
