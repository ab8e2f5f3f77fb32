"""The model card of an adapter on the hub: what it is, how to load it, and what it may give out."""

import re
from collections.abc import Mapping
from typing import Any

from bot.engine.checkpoint.hub_names import is_repository_name


def model_card(persona: str, name: str, config: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """Return README.md with the metadata that the hub reads; nothing of the training data is in it."""
    base = str(config.get("base_model_name_or_path") or "")
    known = is_repository_name(base)
    metadata = [
        *([f"base_model: {base}"] if known else []),
        "library_name: peft",
        "pipeline_tag: text-generation",
        "tags:",
        "- lora",
        "- alterego",
    ]
    front = "\n".join(["---", *metadata, "---"])
    title = " ".join(re.sub(r"[^\w .-]", " ", persona).split()) or "a persona"
    facts = "\n".join(f"| {key} | {value} |" for key, value in _facts(base, config, manifest))
    return _PAGE.format(front=front, title=title, name=name, base=base or "its base model", facts=facts)


def _facts(base: str, config: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[tuple[str, object]]:
    run = manifest.get("run")
    data = manifest.get("data")
    told = run if isinstance(run, dict) else {}
    targets = config.get("target_modules")
    layers = sorted({str(each).rpartition(".")[2] for each in targets}) if isinstance(targets, list) else []
    examples = data.get("examples") if isinstance(data, dict) else None
    facts: list[tuple[str, object]] = [
        ("base model", base),
        ("rank, alpha", f"{config.get('r')}, {config.get('lora_alpha')}"),
        ("layers", ", ".join(layers)),
        ("training steps", told.get("steps")),
        ("learned tokens", told.get("learned")),
        ("loss on the validation set (nats a token)", told.get("best_loss")),
        ("examples", sum(examples.values()) if isinstance(examples, dict) else None),
    ]
    return [(key, value) for key, value in facts if value not in (None, "")]


_PAGE = """{front}

# {title}

A LoRA adapter that lets {base} speak like one persona. It was trained on messages of a person with
alterego, whose prompts `manifest.json` describes.

| | |
|---|---|
{facts}

## Use

In alterego: `python -m training pull {name} --persona NAME`. With PEFT:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM

model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("{base}"), "{name}")
```

## Limits

An adapter can repeat words of its training data. What it says is invented by a model: nobody said it. Use it
only in ways that the person whose messages it learned has agreed to.
"""
