"""The engine with the layout for cards, one step ahead: every test of the engine holds, with real numbers.

Steps are launched one by one, and as captured ones: a captured step computes again with what its tensors
hold, so that whatever was not among them when it was captured shows.
"""

from functools import partial

import pytest

from bot.engine.attention.card_batch import CardBatch
from bot.engine.core import graph_trial
from bot.engine.model_executor.model_runner import ModelRunner
from bot.engine.model_loader import loader
from tests.bot.engine.local import test_random_requests
from tests.bot.engine.local.test_adapter_changes import *  # noqa: F403
from tests.bot.engine.local.test_admission import *  # noqa: F403
from tests.bot.engine.local.test_answers import *  # noqa: F403
from tests.bot.engine.local.test_beam_requests import *  # noqa: F403
from tests.bot.engine.local.test_beams import *  # noqa: F403
from tests.bot.engine.local.test_lifecycle import *  # noqa: F403
from tests.bot.engine.local.test_logprobs import *  # noqa: F403
from tests.bot.engine.local.test_nan import *  # noqa: F403
from tests.bot.engine.local.test_prefix_cache import *  # noqa: F403
from tests.bot.engine.local.test_random_requests import *  # noqa: F403
from tests.bot.engine.local.test_resource_failures import *  # noqa: F403
from tests.bot.engine.local.test_step_failures import *  # noqa: F403
from tests.bot.engine.local.test_stuck_step import *  # noqa: F403
from tests.bot.engine.local.test_thoughts import *  # noqa: F403
from tests.fakes.replay import ReplayCapture


@pytest.fixture(autouse=True, params=[pytest.param("one by one", marks=pytest.mark.slow), "captured"])
def captures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ReplayCapture:
    """Lay passes out for cards; capture steps where the test asks for it."""
    capture = ReplayCapture()
    monkeypatch.setattr(test_random_requests, "REQUESTS", 150)
    monkeypatch.setattr(loader, "ModelRunner", partial(ModelRunner, batch_type=CardBatch))
    if request.param == "captured":
        monkeypatch.setattr(graph_trial, "capture_on", lambda devices: capture)
    return capture
