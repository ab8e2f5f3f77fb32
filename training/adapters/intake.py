"""The way in of adapters from elsewhere, which `adopt` and `train --continue-from` share."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.adapter.files import CONFIG, CONFIG_BYTES
from bot.engine.lora.config import parse_config
from bot.engine.lora.registry import load_adapter
from bot.engine.lora.validation import BaseModelIdentity, validate_adapter
from bot.errors import UserError
from bot.untrusted import RefusedFile, read_json
from training.adapters.foreign import ConfigGaps, ForeignAdapter, read_foreign_adapter
from training.adapters.hub import local_adapter
from training.adapters.peft_folder import write_peft_folder
from training.adapters.source import find_adapter
from training.dataset.workspace import Workspace
from training.runs import canary_guard


@contextmanager
def open_foreign_adapter(
    workspace: Workspace, adapter: str | Path, gaps: ConfigGaps, draft: Path, refusal: str = "is refused"
) -> Iterator[ForeignAdapter]:
    """Give the folder of an adapter as PEFT has it, which may be `draft` and is then deleted.

    The adapter is a path, or OWNER/NAME on the hub. Raises `UserError` where there is none, for one that
    learned canaries, and with the words of `refusal` for a `RefusedFile`, inside the context too.
    """
    source = find_adapter(local_adapter(adapter), gaps.config)
    canary_guard.refuse_canary_adapter(source.folder, workspace.work)
    shutil.rmtree(draft, ignore_errors=True)
    try:
        foreign = read_foreign_adapter(source, draft, gaps.alpha)
        if foreign.folder == draft:  # rewritten: its bytes are no longer those of a run
            canary_guard.refuse_canary_matrices(source.folder, draft, workspace.work)
        yield foreign
    except RefusedFile as refused:
        raise UserError(f"The adapter in {adapter} {refusal}: {refused.reason}; {refused.remedy}.") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def rewrite_adapter(foreign: ForeignAdapter, draft: Path, base: BaseModelIdentity) -> str:
    """Write an adapter as training writes one; return the name of the base model that it was made for.

    Raises `RefusedFile`.
    """
    shutil.rmtree(draft, ignore_errors=True)
    adapter = load_adapter("adopted", validate_adapter(foreign.folder, base, pinned=False))
    write_peft_folder(adapter, draft, base.name)
    return parse_config(read_json(foreign.folder, CONFIG, CONFIG_BYTES)).base
