"""Log probabilities of a step are those of its logits."""

import pytest
import torch

from bot.engine.sampling.logprobs import LogprobTable, StepLogprobs


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_row_tells_its_own_count_of_likeliest_tokens(dtype: torch.dtype) -> None:
    logits = (torch.randn(4, 50, generator=torch.Generator().manual_seed(1)) * 3).to(dtype)
    expected = logits.float().log_softmax(-1)
    table = LogprobTable(logits, {0: 2, 2: 0, 3: 50})
    for row, count in ((0, 2), (2, 0), (3, 50)):
        found = table.of(row, 7)
        assert found is not None
        order = sorted(range(50), key=lambda token: (-float(expected[row, token]), token))
        assert [token for token, _ in found.likeliest] == order[:count]
        torch.testing.assert_close(
            torch.tensor([found.drawn, *(value for _, value in found.likeliest)]),
            expected[row, [7, *order[:count]]],
        )


def test_rows_that_want_none_and_rows_without_a_token_tell_nothing() -> None:
    table = LogprobTable(torch.zeros(2, 4), {1: 1})
    assert (table.of(0, 3), table.of(1, None)) == (None, None)


def test_no_more_tokens_are_told_than_there_are() -> None:
    quarter = float(torch.zeros(4).log_softmax(-1)[0])
    told = tuple((token, quarter) for token in range(4))
    assert LogprobTable(torch.zeros(1, 4), {0: 20}).of(0, 3) == StepLogprobs(quarter, told)
