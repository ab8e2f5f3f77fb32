"""The models of the API: each persona by its key, and the base model by its name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.api.errors import ApiError
from bot.persona.card import Card
from bot.persona.persona import Cast, Persona

BASE = "base"  # names the base model in any case
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?|ollama:[\w./:-]+")
_OWNER = "alterego"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that clients name. `is_base`: the base model without card and adapter."""

    id: str
    persona: Persona
    is_base: bool = False

    def body(self, created: int) -> dict[str, object]:
        """Return the model as an object of OpenAI's list; `created` is in Unix seconds."""
        name = self.id if self.is_base else self.persona.name
        return {"id": self.id, "object": "model", "created": created, "owned_by": _OWNER, "name": name}


def base_id(name: str) -> str:
    """Return the base model's id: its name on the hub or at Ollama; "base" for files of this machine."""
    is_file = name.casefold().endswith(".gguf") and ":" not in name
    return name if _HUB_NAME.fullmatch(name) and name[0] not in ".~" and not is_file else BASE


def list_models(cast: Cast, name: str) -> Iterator[ServedModel]:
    """Yield the personas, then the base model of this name; a persona goes before a base of its id."""
    for key, persona in cast.personas.items():
        yield ServedModel(key, persona)
    if base_id(name) not in cast.personas:
        yield _base(base_id(name))


def find_model(cast: Cast, name: str, id: str) -> ServedModel:
    """Return the model of an id. Raises `ApiError` where there is none."""
    if id in cast.personas:
        return ServedModel(id, cast.personas[id])
    if id in (BASE, base_id(name)):
        return _base(id)
    message = f"The model {id[:100]!r} does not exist: GET /v1/models lists those that do."
    raise ApiError(404, message, "model", "model_not_found")


def _base(id: str) -> ServedModel:
    return ServedModel(id, _NOBODY, is_base=True)


_NOBODY = Persona("", Card(name="Assistant"))  # one object, since caches of prompts know it by identity
