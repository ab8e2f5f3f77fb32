"""Check of adapters against the base model's files, without loading its weights."""

from dataclasses import dataclass, replace
from pathlib import Path

from bot.adapter.choice import AdapterChoice, choose_adapter
from bot.config import ModelSettings
from bot.engine.lora.registry import linear_shapes, read_adapter
from bot.engine.lora.validation import BaseModelIdentity
from bot.engine.model_loader.gguf import Progress
from bot.engine.model_loader.load_plan import LoadPlan, plan_load
from bot.engine.model_loader.loader import meta_model
from bot.engine.tokenizer.tokenizer import HFTokenizer
from bot.errors import UserError
from bot.persona.persona import Persona
from bot.prompt.contract import check_serving


@dataclass(frozen=True, slots=True)
class AdapterCheck:
    """A base model's identity and tokenizer, against which adapters are checked."""

    base: BaseModelIdentity
    tokenizer: HFTokenizer

    def choose(self, persona: Persona) -> AdapterChoice:
        """Choose among a persona's adapters as the engine does."""
        return choose_adapter(persona.key, persona.adapters, self.base)

    def check_persona(self, persona: Persona, model: ModelSettings, system_prompt: str) -> AdapterChoice:
        """Choose a persona's adapter, and check its weights and its prompts; a refusal is in the result."""
        choice = self.choose(persona)
        if choice.adapter is None:
            return choice
        try:
            self.check_adapter(persona.key, choice.adapter)
            check_serving(persona.served_with(choice), self.tokenizer, model, system_prompt)
        except UserError as error:
            return replace(choice, refusal=str(error))
        return choice

    def check_adapter(self, name: str, folder: Path) -> str:
        """Return a line about the layers that an adapter adapts; raises `UserError` for a refused folder."""
        layers = len(read_adapter(name, folder, self.base).pairs)
        return f"{name}: adapts {layers} layers of {self.base.name}"


def open_adapter_check(
    settings: ModelSettings, data: Path, report: Progress = lambda stage: None
) -> AdapterCheck:
    """Find the settings' base model, and convert it first where it must be and that has not been done.

    `report` gets the stages. Raises `UserError` without such a model.
    """
    plan = plan_load(settings, data, report, serves_packed=True)
    return AdapterCheck(plan_identity(plan), plan.read_tokenizer())


def plan_identity(plan: LoadPlan) -> BaseModelIdentity:
    """Return the identity of the base model of a plan, whose weights are not read."""
    return BaseModelIdentity(plan.source.name, plan.fingerprint, linear_shapes(meta_model(plan)), plan.source)
