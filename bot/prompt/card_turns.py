"""The card's turns in every prompt: its texts, example dialogues, last instructions and prompt at a depth."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.persona.lorebook import LoreEntry
from bot.persona.macros import MacroContext, expand_macros
from bot.persona.persona import Persona
from bot.prompt.example_dialogue import dialogue_turns
from bot.prompt.insertions import Insertion
from bot.prompt.lore import lore_text
from bot.prompt.renderer import OPENING, PromptPart, Turn
from bot.sized_cache import ByIdentity, SizedCache

_FRAMES: SizedCache[tuple[Turn, ...]] = SizedCache(2_000_000)  # characters


def frame_turns(
    persona: Persona,
    scene: MacroContext,
    system_prompt: str,
    examples: int,
    lore: Sequence[LoreEntry],
    *,
    labelled: bool = True,
) -> tuple[Turn, ...]:
    """Return the turns before the history: the card with `lore`, and some of its example dialogues.

    `labelled`: the names of speakers stand before their words in the dialogues.
    """
    key = ByIdentity(persona), scene, system_prompt, examples, tuple(map(ByIdentity, lore)), labelled
    if found := _FRAMES.find(key):
        return found[0]
    turns = _frame_turns(persona, scene, system_prompt, examples, lore, labelled)
    _FRAMES.add(key, turns, sum(len(part.text) for turn in turns for part in turn.parts))
    return turns


def _frame_turns(
    persona: Persona,
    scene: MacroContext,
    system_prompt: str,
    examples: int,
    lore: Sequence[LoreEntry],
    labelled: bool,
) -> tuple[Turn, ...]:
    card, general = persona.card, expand_macros(system_prompt, scene)
    fields = [
        (
            "system",
            expand_macros(card.system_prompt, replace(scene, original=general), "system_prompt")
            if card.system_prompt
            else general,
        ),
        *(("lore", lore_text(entry, scene)) for entry in lore if not entry.after_card),
        ("description", expand_macros(card.description, scene, "description")),
        ("personality", expand_macros(card.personality, scene, "personality")),
        ("scenario", expand_macros(card.scenario, scene, "scenario")),
        *(("lore", lore_text(entry, scene)) for entry in lore if entry.after_card),
    ]
    turns = list[Turn]()
    for block in card.examples[:examples]:
        dialogue = [*dialogue_turns(expand_macros(block, scene), persona, scene, labelled=labelled)]
        is_joined = turns and dialogue and turns[-1].role == dialogue[0].role == "assistant"
        turns += [*([OPENING] if is_joined else []), *dialogue]
    return (*_system(fields), *turns, *([OPENING] if turns else []))


def late_turns(persona: Persona, scene: MacroContext) -> tuple[Turn, ...]:
    last = expand_macros(persona.card.post_history_instructions, scene)
    return _system([("instructions", last)])


def depth_insertions(persona: Persona, scene: MacroContext) -> tuple[Insertion, ...]:
    prompt = persona.card.depth_prompt
    text = expand_macros(prompt.text, scene, "depth_prompt").strip() if prompt else ""
    if not prompt or not text:
        return ()
    return (Insertion(prompt.depth, Turn(prompt.role, (PromptPart("instructions", text),))),)


def constant_entries(persona: Persona) -> tuple[LoreEntry, ...]:
    """Return the entries of the lorebook that stand with the card in every prompt."""
    return tuple(entry for entry in persona.lore.entries if entry.constant and entry.depth is None)


def _system(fields: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    """Return one system turn of the fields with text, with an empty line between them."""
    filled = [(kind, text.strip()) for kind, text in fields if text.strip()]
    parts = tuple(
        PromptPart(kind, ("\n\n" if number else "") + text) for number, (kind, text) in enumerate(filled)
    )
    return (Turn("system", parts),) if parts else ()
