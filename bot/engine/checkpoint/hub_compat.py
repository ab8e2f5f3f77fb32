"""Parts of huggingface_hub that it does not export, as in version 2.4.

`tests/bot/engine/checkpoint/test_hub_download.py` fails when an upgrade changes them.
"""

from typing import Any, BinaryIO


def fetch_file(
    repository: str, name: str, commit: str, target: BinaryIO, size: int, bar_class: type[Any]
) -> None:
    """Append to `target` what it lacks of a file of `size` bytes; raises errors of `network_errors`.

    A connection that breaks is opened again a few times.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    http_get(
        hf_hub_url(repository, name, revision=commit),
        target,
        resume_size=target.tell(),
        headers=build_hf_headers(),
        expected_size=size,
        tqdm_class=bar_class,
    )


def network_errors() -> tuple[type[Exception], ...]:
    """Return the errors of its HTTP library, which are no `OSError`."""
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    return (HTTPError,)
