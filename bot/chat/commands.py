"""What people can ask of the bot itself, as plain functions: every platform shows the same table."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from bot.chat import proactive, reload, scoped_settings
from bot.chat.chat import Chat
from bot.errors import UserError
from bot.memory.queries.records import AnswerExplanation
from bot.memory.store import Memory
from bot.message import Place

RELOAD = "reload"  # in the place of a persona's name


class Level(IntEnum):
    """What somebody may do in a place, as its platform and the settings say at the time they ask."""

    MEMBER = 0
    ADMIN = 1
    OWNER = 2


@dataclass(frozen=True, slots=True)
class CommandCall:
    """Who asks for something, where, with which rights, and the options given."""

    chat: Chat
    memory: Memory
    place: Place
    user: str
    level: Level
    options: Mapping[str, str] = field(default_factory=dict)

    def option(self, name: str) -> str:
        """An option's words; empty where it was left out."""
        return self.options.get(name, "").strip()


@dataclass(frozen=True, slots=True)
class Option:
    """Something a command takes; `choices` proposes values for it, to people who can choose."""

    name: str
    help: str
    required: bool = False
    choices: Callable[[Chat], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command as people see it, and what it does; the result is shown to them, where there is one.

    `level` is what it takes; a `public` result is for everybody in the place, others for the asker alone.
    """

    name: str
    help: str
    run: Callable[[CommandCall], Awaitable[str]]
    options: tuple[Option, ...] = ()
    level: Level = Level.MEMBER
    public: bool = False

    @property
    def usage(self) -> str:
        """How it is typed."""
        words = (option.name if option.required else f"[{option.name}]" for option in self.options)
        return " ".join((f"/{self.name}", *words))


async def help_(ask: CommandCall) -> str:
    shown = [command for command in COMMANDS if command.level <= ask.level]
    return "\n".join(f"{command.usage:<32} {command.help}" for command in shown)


async def persona(ask: CommandCall) -> str:
    """Show who speaks here, let somebody else speak, here or on the whole server, or read them all again."""
    if not ask.option("name"):
        return await _resident(ask)
    if ask.option("name").casefold() == RELOAD:
        return await _reload(ask)
    chosen, server = ask.chat.cast.find(ask.option("name")), _server(ask)
    if server and ask.level < Level.ADMIN:
        raise UserError("Only an admin can choose who speaks on the whole server.")
    await scoped_settings.change_setting(ask.memory, ask.place, "persona", chosen.key, server=server)
    if server:
        return f"{chosen.name} speaks on this server now, where nobody else was chosen."
    await proactive.greet(ask.chat, ask.memory, ask.place, ask.user)
    return f"{chosen.name} speaks here now."


async def _resident(ask: CommandCall) -> str:
    current = await ask.chat.resident(ask.place)
    value = (await scoped_settings.read_settings(ask.memory, ask.place, ask.chat.settings))["persona"]
    adapter = f"with the adapter {current.adapter.name!r}" if current.adapter else "without an adapter"
    chosen = f"; chosen by {value.source}" if value.text else ""
    return (
        f"{current.name} ({current.key}) speaks here, {adapter}{chosen}. {current.card.creator_notes}".strip()
    )


async def _reload(ask: CommandCall) -> str:
    """Read the personas again; for owners alone, since in a direct chat everybody is an admin."""
    if ask.level < Level.OWNER:
        raise UserError("Only an owner, named in config.toml, can have the personas read again.")
    done = await reload.reload(ask.chat, (await ask.chat.resident(ask.place)).key)
    lines = [f"Read again: {', '.join(done.taken) or 'nobody'}."]
    for key, why in done.refused.items():
        stays = "stays as it was" if key in ask.chat.cast.personas else "is left out"
        lines.append(f"{key} {stays}: {why}.")
    return "\n".join(lines)


async def personas(ask: CommandCall) -> str:
    current = (await ask.chat.resident(ask.place)).key
    lines = [
        f"{'*' if key == current else ' '} {key:<12} {persona.name}: {_summary(persona.card.creator_notes)}"
        for key, persona in ask.chat.cast.personas.items()
    ]
    broken = ask.chat.cast.broken.items() if ask.level is Level.OWNER else ()
    return "\n".join([*lines, *(f"! {key:<12} {why}" for key, why in broken)])


async def reset(ask: CommandCall) -> str:
    """Begin anew: the persona no longer reads what was said before. It stays stored; `data forget` erases."""
    if ask.chat.worker(ask.place).busy:
        raise UserError("An answer is being made; stop it first.")
    await ask.memory.reset(ask.place)
    await ask.chat.engine.forget(ask.place)
    await proactive.greet(ask.chat, ask.memory, ask.place, ask.user)
    return "The conversation begins anew; what was said before is no longer read."


async def again(ask: CommandCall) -> str:
    await proactive.again(ask.chat, ask.memory, ask.place, ask.user)
    return ""


async def go_on(ask: CommandCall) -> str:
    await proactive.go_on(ask.chat, ask.memory, ask.place)
    return ""


async def stop(ask: CommandCall) -> str:
    return "" if ask.chat.worker(ask.place).stop() else "Nothing is being said."


async def post(ask: CommandCall) -> str:
    """Let the persona of this place say given words, which it remembers as its own, or some of its own."""
    await proactive.post(ask.chat, ask.memory, ask.place, ask.option("text"))
    return ""


async def settings(ask: CommandCall) -> str:
    """Show every setting with where it comes from, or change one here or on the whole server."""
    name = ask.option("name")
    if name and ask.option("value"):
        if ask.level < Level.ADMIN:
            raise UserError("Only an admin can change what holds here.")
        value = ask.option("value")
        if name == "persona" and value != "default":
            value = ask.chat.cast.find(value).key
        return await scoped_settings.change_setting(ask.memory, ask.place, name, value, server=_server(ask))
    values = await scoped_settings.read_settings(ask.memory, ask.place, ask.chat.settings)
    if name and name not in values:
        raise UserError(f"There is no setting {name!r}: known are {', '.join(values)}.")
    return "\n".join(
        f"{key:<8} {value.text or '(the first)':<12} {value.source}: {scoped_settings.SETTINGS[key].help}"
        for key, value in values.items()
        if name in ("", key)
    )


async def why(ask: CommandCall) -> str:
    """Say which rule fired for the last message, and what the answer was made of."""
    found = await ask.memory.why(ask.place)
    return "Nothing has been decided here yet." if found is None else _explain(found)


async def status(ask: CommandCall) -> str:
    engine, memory = ask.chat.engine.status(), await ask.memory.status()
    inbox = ", ".join(
        f"{count:,} {state.replace('_', ' ')}" for state, count in memory.inbox.items() if count
    )
    return "\n".join(
        (
            *(f"{platform:<9} {health()}" for platform, health in ask.chat.health.items()),
            f"model     {engine.model}: {engine.error or engine.stage or engine.state}",
            f"answers   {engine.answered:,} made, {engine.running} running in {engine.rows} rows, "
            f"{engine.queued} waiting",
            f"speed     {engine.tokens_per_second:.1f} tokens/s; first token after "
            f"{engine.first_token[0]:.2f} s (p50), {engine.first_token[1]:.2f} s (p95); "
            f"{engine.hit_rate:.0%} of prompts remembered",
            f"takes     {_parts(engine.memory)}",
            f"adapters  {', '.join(engine.adapters) or 'none loaded'}",
            f"memory    {memory.messages:,} messages, {memory.places:,} places, {memory.bytes / 1e6:.1f} MB",
            f"inbox     {inbox or 'empty'}; {memory.unsent} unsent, {memory.dead} unreadable",
        )
    )


def _personas(chat: Chat) -> tuple[str, ...]:
    return tuple(chat.cast.personas)


_WHERE = Option("where", '"server" for the whole server', choices=lambda chat: ("here", "server"))

COMMANDS = (
    Command("help", "this list", help_),
    Command(
        "persona",
        "who speaks here, or let another one speak",
        persona,
        (Option("name", f'who shall speak, or "{RELOAD}" to read them again', choices=_personas), _WHERE),
        public=True,
    ),
    Command("personas", "everybody there is", personas),
    Command("reset", "begin the conversation anew", reset, public=True),
    Command("again", "another answer, or another greeting", again),
    Command("continue", "let the persona go on", go_on),
    Command("stop", "end the answer that is being made", stop),
    Command("why", "why the last message was answered, and from what", why),
    Command("status", "what the model and the memory are doing", status),
    Command(
        "settings",
        "what holds here, and where it comes from",
        settings,
        (
            Option("name", "the setting", choices=lambda chat: tuple(scoped_settings.SETTINGS)),
            Option("value", "what it shall be", choices=lambda chat: (*scoped_settings.SWITCH, "default")),
            _WHERE,
        ),
    ),
    Command(
        "post",
        "let the persona say something, or these words",
        post,
        (Option("text", "the words"),),
        level=Level.ADMIN,
    ),
)


async def run_command(name: str, ask: CommandCall) -> str:
    """Run a command by its name; raise `UserError` when there is none, or when the asker may not."""
    for command in COMMANDS:
        if command.name == name.casefold():
            if ask.level < command.level:
                raise UserError(f"/{command.name} is for {'admins' if command.level == 1 else 'owners'}.")
            return await command.run(ask)
    raise UserError(f"There is no command /{name}: /help lists them.")


def parse_line(text: str) -> tuple[str, dict[str, str]]:
    """A typed command's name and options: in their order, the last one taking all words that are left."""
    name, _, rest = text.removeprefix("/").partition(" ")
    options = next((command.options for command in COMMANDS if command.name == name.casefold()), ())
    words = rest.split(maxsplit=max(len(options) - 1, 0))
    return name, {option.name: word for option, word in zip(options, words, strict=False)}


async def run_line(
    text: str, chat: Chat, memory: Memory, place: Place, user: str, level: Level = Level.MEMBER
) -> str:
    """Run a line that begins with "/"."""
    name, options = parse_line(text)
    return await run_command(name, CommandCall(chat, memory, place, user, level, options))


def _server(ask: CommandCall) -> bool:
    if ask.option("where") not in ("", "here", "server"):
        raise UserError(f'{ask.option("where")!r} is neither "here" nor "server".')
    return ask.option("where") == "server"


def _parts(memory: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {size / 1e6:,.0f} MB" for name, size in memory.items()) or "nothing yet"


def _summary(notes: str) -> str:
    return notes.strip().splitlines()[0] if notes.strip() else "no notes"


def _explain(found: AnswerExplanation) -> str:
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
