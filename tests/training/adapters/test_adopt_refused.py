"""What is no plain adapter is refused, nothing of it runs, and the adapter in use stays."""

from pathlib import Path

import pytest
import torch

from bot.errors import UserError
from tests.fixtures.foreign_adapters import BAD, PICKLED, malicious
from training.adapters.adopt import adopt_adapter
from training.adapters.install import install_adapter
from training.dataset.workspace import Workspace

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_plain_adapter_is_refused_and_nothing_runs(
    kind: str, workspace: Workspace, plain: Path, foreign: Path
) -> None:
    home = install_adapter(workspace, plain, {})
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    spoil, reason = BAD[kind]
    spoil(foreign)
    with pytest.raises(UserError, match=reason):
        adopt_adapter(workspace, foreign)
    assert not (foreign.parent / "canary").exists()
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before
    assert {path.name for path in workspace.folder.glob("adapter*")} == {"adapter", "adapter.lock"}


def test_the_malicious_pickle_would_have_run(foreign: Path) -> None:
    """Or the tests above would show nothing."""
    malicious(foreign)
    torch.load(foreign / PICKLED, weights_only=False)
    assert (foreign.parent / "canary").exists()
