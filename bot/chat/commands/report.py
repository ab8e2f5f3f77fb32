"""Commands that report: the last decision of a place, and the state of model, memory and platforms."""

from collections.abc import Iterable, Mapping

from bot.chat.commands.call import CommandCall, Level
from bot.engine.interface import Status
from bot.memory.queries.records import AnswerExplanation


async def explain_last_decision(call: CommandCall) -> str:
    """Name the rule that fired for the last message, and the prompt, tokens and seconds of its reply."""
    found = await call.memory.why(call.place)
    if found is None:
        return "Nothing has been decided here yet."
    reason = found.reason if call.level is Level.OWNER else call.chat.public_text(found.reason)
    return _explain(found, reason)


async def show_status(call: CommandCall) -> str:
    engine, memory = call.chat.engine.status(), await call.memory.status()
    inbox = ", ".join(
        f"{count:,} {state.replace('_', ' ')}" for state, count in memory.inbox.items() if count
    )
    return "\n".join(
        (
            *(f"{platform:<9} {health()}" for platform, health in call.chat.health.items()),
            f"model     {_model(call, engine)}",
            f"answers   {engine.answered:,} made, {engine.running} running in {engine.rows} rows, "
            f"{engine.queued} waiting",
            f"speed     {engine.tokens_per_second:.1f} tokens/s; first token after "
            f"{engine.first_token[0]:.2f} s (p50), {engine.first_token[1]:.2f} s (p95); "
            f"{engine.hit_rate:.0%} of prompts remembered",
            f"takes     {_sizes(engine.memory)}",
            f"adapters  {_adapters(call, engine.adapters) or 'none loaded'}",
            *(f"waiting   {note}" for note in _waiting(call)),
            f"memory    {memory.messages:,} messages, {memory.places:,} places, {memory.bytes / 1e6:.1f} MB",
            f"inbox     {inbox or 'empty'}; {memory.unsent} unsent, {memory.dead} unreadable",
        )
    )


def _adapters(call: CommandCall, loaded: Iterable[str]) -> str:
    """Return the keys of personas whose adapters are loaded, with the rule for speakers' names."""
    personas = call.chat.cast.personas
    names = {key: call.chat.served(personas[key]).speaker_names for key in loaded if key in personas}
    return ", ".join(f"{key} (speakers' names: {names[key]})" if key in names else key for key in loaded)


def _waiting(call: CommandCall) -> tuple[str, ...]:
    """Return the notes on adapters for other base models; for owners, since they name models and folders."""
    return call.chat.adapter_notes() if call.level is Level.OWNER else ()


def _sizes(memory: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in memory.items()) or "nothing yet"


def _model(call: CommandCall, engine: Status) -> str:
    """Describe the model: for owners with its name and its error, for others by its state alone."""
    if call.level is Level.OWNER:
        held = f" in {engine.weights}" if engine.weights else ""
        return f"{engine.model}{held}: {engine.error or engine.stage or engine.state}"
    is_public = call.chat.public_text(engine.stage) == engine.stage
    return engine.stage if engine.stage and is_public and not engine.error else engine.state


def _explain(found: AnswerExplanation, reason: str) -> str:
    lines = [f"rule      {found.rule or 'none'}; {found.state.replace('_', ' ')} {reason}".rstrip()]
    if found.persona:
        lines.append(f"persona   {found.persona}, {_adapter(found)}")
    prompt, seconds = found.why.get("prompt"), found.why.get("seconds")
    if isinstance(prompt, dict):
        parts = ", ".join(f"{kind} {count:,}" for kind, count in prompt.items())
        lines.append(f"prompt    {sum(prompt.values()):,} tokens: {parts}")
    if isinstance(seconds, dict):
        finish = found.why["finish"]
        ended = "the line of another speaker" if finish == "speaker" else finish
        draws = found.why.get("draws", 1)  # answers of earlier versions were drawn once
        drawn = f", drawn {draws} times" if draws != 1 else ""
        lines.append(
            f"answer    {found.why['tokens']} tokens{_thought(found)}{drawn}, ended by {ended}; first after "
            f"{seconds['first_token']:.2f} s, all after {seconds['total']:.2f} s"
        )
    return "\n".join(lines)


def _adapter(found: AnswerExplanation) -> str:
    """Tell whose adapter gave an answer; answers of earlier versions name its folder without a slash."""
    folder = found.why.get("adapter")
    return f"with {found.persona}'s adapter in {str(folder).rstrip('/')}/" if folder else "without an adapter"


def _thought(found: AnswerExplanation) -> str:
    tokens = found.why.get("thought")
    return f", {tokens} of them a thought" if tokens else ""
