"""A store as Ollama lays it out: manifests that name blobs by their hash."""

import hashlib
import json
import shutil
from pathlib import Path


def add_model(store: Path, file: Path, name: str, tag: str) -> Path:
    """Put a GGUF file into a store under HOST/OWNER/MODEL and a tag; return its blob."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    blob = store / "blobs" / f"sha256-{digest}"
    blob.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, blob)
    manifest = store / "manifests" / name / tag
    manifest.parent.mkdir(parents=True, exist_ok=True)
    layers = [
        {"mediaType": "application/vnd.ollama.image.template", "digest": f"sha256:{'0' * 64}", "size": 1},
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}", "size": 1},
    ]
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": layers}))
    return blob
