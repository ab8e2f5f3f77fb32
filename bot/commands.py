"""What people can ask of the bot itself, as plain functions: every platform shows the same table."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.chat import Chat
from bot.errors import UserError
from bot.memory.records import Why
from bot.message import Place


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for something, where, and the words behind the command."""

    chat: Chat
    place: Place
    user: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as people see it, and what it does; the result is shown to them, where there is one."""

    name: str
    usage: str
    help: str
    run: Callable[[Ask], Awaitable[str]]


async def help_(ask: Ask) -> str:
    return "\n".join(f"{command.usage:<18} {command.help}" for command in COMMANDS)


async def persona(ask: Ask) -> str:
    """Show who speaks here, or let somebody else speak."""
    if ask.argument:
        chosen = ask.chat.cast.find(ask.argument)
        await ask.chat.memory.set_setting(str(ask.place), "persona", chosen.key)
        await ask.chat.greet(ask.place, ask.user)
        return f"{chosen.name} speaks here now."
    current = await ask.chat.resident(ask.place)
    adapter = f"with the adapter {current.adapter.name!r}" if current.adapter else "without an adapter"
    return f"{current.name} ({current.key}) speaks here, {adapter}. {current.card.creator_notes}".strip()


async def personas(ask: Ask) -> str:
    current = (await ask.chat.resident(ask.place)).key
    lines = [
        f"{'*' if key == current else ' '} {key:<12} {persona.name}: {_summary(persona.card.creator_notes)}"
        for key, persona in ask.chat.cast.personas.items()
    ]
    return "\n".join([*lines, *(f"! {key:<12} {why}" for key, why in ask.chat.cast.broken.items())])


async def reset(ask: Ask) -> str:
    """Begin anew: the persona no longer reads what was said before. It stays stored; `data forget` erases."""
    if ask.chat.room(ask.place).busy:
        raise UserError("An answer is being made; stop it first.")
    await ask.chat.memory.reset(ask.place)
    await ask.chat.engine.forget(ask.place)
    await ask.chat.greet(ask.place, ask.user)
    return "The conversation begins anew; what was said before is no longer read."


async def again(ask: Ask) -> str:
    await ask.chat.again(ask.place, ask.user)
    return ""


async def stop(ask: Ask) -> str:
    return "" if ask.chat.room(ask.place).stop() else "Nothing is being said."


async def why(ask: Ask) -> str:
    """Say which rule fired for the last message, and what the answer was made of."""
    found = await ask.chat.memory.why(ask.place)
    return "Nothing has been decided here yet." if found is None else _explain(found)


async def status(ask: Ask) -> str:
    engine, memory = ask.chat.engine.status(), await ask.chat.memory.status()
    inbox = ", ".join(
        f"{count:,} {state.replace('_', ' ')}" for state, count in memory.inbox.items() if count
    )
    return "\n".join(
        (
            f"model     {engine.model}: {engine.error or engine.stage or engine.state}",
            f"answers   {engine.answered:,} made, {engine.running} running in {engine.rows} rows, "
            f"{engine.queued} waiting",
            f"speed     {engine.tokens_per_second:.1f} tokens/s; first token after "
            f"{engine.first_token[0]:.2f} s (p50), {engine.first_token[1]:.2f} s (p95); "
            f"{engine.hit_rate:.0%} of prompts remembered",
            f"takes     {_parts(engine.memory)}",
            f"adapters  {', '.join(engine.adapters) or 'none loaded'}",
            f"memory    {memory.messages:,} messages, {memory.places:,} places, {memory.bytes / 1e6:.1f} MB",
            f"inbox     {inbox or 'empty'}; {memory.unsent} unsent",
        )
    )


COMMANDS = (
    Command("help", "/help", "this list", help_),
    Command("persona", "/persona [name]", "who speaks here, or let another one speak", persona),
    Command("personas", "/personas", "everybody there is", personas),
    Command("reset", "/reset", "begin the conversation anew", reset),
    Command("why", "/why", "why the last message was answered, and from what", why),
    Command("again", "/again", "another answer, or another greeting", again),
    Command("stop", "/stop", "end the answer that is being made", stop),
    Command("status", "/status", "what the model and the memory are doing", status),
)


async def run(text: str, chat: Chat, place: Place, user: str) -> str:
    """Run a line that begins with "/"; raise `UserError` when there is no such command."""
    name, _, argument = text.removeprefix("/").partition(" ")
    for command in COMMANDS:
        if command.name == name.casefold():
            return await command.run(Ask(chat, place, user, argument.strip()))
    raise UserError(f"There is no command /{name}: /help lists them.")


def _parts(memory: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in memory.items()) or "nothing yet"


def _summary(notes: str) -> str:
    return notes.strip().splitlines()[0] if notes.strip() else "no notes"


def _explain(found: Why) -> str:
    lines = [f"rule      {found.rule or 'none'}; {found.state.replace('_', ' ')} {found.reason}".rstrip()]
    if found.persona:
        lines.append(f"persona   {found.persona}, adapter {found.why.get('adapter') or 'none'}")
    prompt, seconds = found.why.get("prompt"), found.why.get("seconds")
    if isinstance(prompt, dict):
        parts = ", ".join(f"{kind} {count:,}" for kind, count in prompt.items())
        lines.append(f"prompt    {sum(prompt.values()):,} tokens: {parts}")
    if isinstance(seconds, dict):
        lines.append(
            f"answer    {found.why['tokens']} tokens, ended by {found.why['finish']}; first after "
            f"{seconds['first_token']:.2f} s, all after {seconds['total']:.2f} s"
        )
    return "\n".join(lines)
