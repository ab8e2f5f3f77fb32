"""Skips where no card can be pretended."""

import pytest

from tests.fakes.card.guard import COMPILER


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests on a pretended card without the compiler that it needs once."""
    for item in items:
        if "tests/gpu/" in str(item.path) and not item.get_closest_marker("gpu") and COMPILER is None:
            item.add_marker(pytest.mark.skip(reason="a pretended card needs g++ once"))
