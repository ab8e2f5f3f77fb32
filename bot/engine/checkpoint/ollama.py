"""Ollama's store, read in place: a manifest names the file of a model by its hash."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.errors import UserError

OLLAMA = "ollama:"  # begins the [model] name of a model in the store
_MODEL = "application/vnd.ollama.image.model"
_PART = re.compile(r"[\w.-]+")
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_REGISTRY, _LIBRARY, _TAG = "registry.ollama.ai", "library", "latest"
_SERVICE = Path("/usr/share/ollama/.ollama/models")  # of the service that Ollama's installer makes on Linux
_MOST, _DEEPEST, _LARGEST = 2_000, 4, 1 << 20  # manifests, folders below each other, bytes of one


def ollama_folders(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the folders that may be a store, the one of OLLAMA_MODELS first."""
    named = environment.get("OLLAMA_MODELS", "").strip()
    return (*((Path(named),) if named else ()), Path.home() / ".ollama" / "models", _SERVICE)


def ollama_names(store: Path) -> Iterator[str]:
    """Yield the names of a store's models as `ollama list` has them, with the prefix `OLLAMA`."""
    manifests = store / "manifests"
    for count, path in enumerate(sorted(manifests.glob("*/*/*/*"))):
        if count >= _MOST:
            return
        host, owner, model, tag = path.relative_to(manifests).parts
        parts = [host, owner] if host != _REGISTRY else [owner] if owner != _LIBRARY else []
        if path.is_file():
            yield OLLAMA + "/".join([*parts, f"{model}:{tag}"])


def ollama_model(name: str, stores: tuple[Path, ...] | None = None) -> Path:
    """Return the GGUF file of a model; raises `UserError` where no store has it whole."""
    wanted = name.removeprefix(OLLAMA)
    for store in ollama_folders() if stores is None else stores:
        manifest = _manifest(store, wanted)
        if manifest is not None and (file := _blob(store, manifest)):
            return file
    raise UserError(
        f"Ollama has no whole model {wanted}: run `ollama pull {wanted}`, or choose another [model] name; "
        "`python -m bot models` lists what is here."
    )


def _manifest(store: Path, name: str) -> Path | None:
    """Return the manifest of a name, which may leave out registry, owner and tag."""
    path, _, tag = name.partition(":")
    parts = path.split("/")
    whole = [*(_REGISTRY, _LIBRARY)[: max(0, 3 - len(parts))], *parts, tag or _TAG]
    if len(whole) != _DEEPEST or not all(_PART.fullmatch(part) and part.strip(".-") for part in whole):
        return None
    return store.joinpath("manifests", *whole)


def _blob(store: Path, manifest: Path) -> Path | None:
    try:
        with manifest.open("rb") as file:
            layers = json.loads(file.read(_LARGEST))["layers"]
        digests = [layer["digest"] for layer in layers if layer["mediaType"] == _MODEL]
        found = _DIGEST.fullmatch(digests[0])
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    blob = store / "blobs" / f"sha256-{found[1]}" if found else None
    return blob if blob and blob.is_file() else None
