"""Draw README's picture: a real conversation with the default model, as the terminal shows it.

`python -m tests.picture SEED` writes .github/conversation.svg; the seed chooses among the model's answers.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from random import Random

from rich.console import Console
from rich.text import Text

from bot import config
from bot.chat.chat import Chat
from bot.chat.proactive import greet
from bot.engine.local.local_engine import LocalEngine
from bot.memory.store import Memory
from bot.message import Author, Place
from bot.persona.persona import load_cast
from bot.platforms.terminal.screen import Screen
from bot.platforms.terminal.typed import typed_message

ROOT = Path(__file__).parent.parent
LINES = {
    "mara": ["Good evening. I am Ana, and I got lost in the storm.", "What do you see from up here?"],
    "ozzo": ["Which room is mine?"],
}


async def draw(seed: int) -> None:
    settings = config.load_config(ROOT / "config.toml")
    console = Console(record=True, width=96, highlight=False)
    author = Author("local", "Ana")
    with tempfile.TemporaryDirectory() as folder:
        memory, engine = Memory(Path(folder) / "memory.db"), LocalEngine(settings.model, settings.data)
        cast = load_cast(settings.personas)
        async with (
            memory,
            engine,
            Chat(memory, engine, cast, settings.chat, settings.model, random=Random(seed)) as chat,
        ):
            chat.join("terminal", Screen(lambda: "", console))
            for persona, lines in LINES.items():
                place = Place("terminal", "local", persona)
                console.print(Text("Ana ", style="bold cyan") + Text(f"/persona {persona}", style="default"))
                await memory.set_setting(str(place), "persona", persona)
                await greet(chat, memory, place, author.name)
                for line in lines:
                    console.print(Text("Ana ", style="bold cyan") + Text(line, style="default"))
                    await chat.receive(typed_message(line, place, author))
                    await chat.worker(place).idle()
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="alterego"), flags=re.DOTALL)
    drawn = re.sub(r"<!--.*?-->\s*", "", drawn)
    (ROOT / ".github/conversation.svg").write_text(drawn)  # without fonts that a reader would have to fetch


if __name__ == "__main__":
    asyncio.run(draw(int(sys.argv[1])))
