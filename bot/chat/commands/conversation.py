"""Commands about the conversation of a place: reset, another reply, more of it, stop, a posted text."""

from bot.chat import proactive
from bot.chat.commands.call import CommandCall
from bot.chat.commands.rights import check_change, check_stop
from bot.errors import UserError


async def reset(call: CommandCall) -> str:
    """Begin the conversation anew: prompts leave out the messages so far; `data forget` erases them."""
    await check_change(call, "begin the conversation anew")
    if call.chat.worker(call.place).busy:
        raise UserError("An answer is being made; stop it first.")
    await call.memory.reset(call.place)
    await call.chat.engine.forget(call.place)
    left = call.shown_first("The conversation begins anew; what was said before is no longer read.")
    await proactive.greet(call.chat, call.memory, call.place, call.user)
    return left


async def regenerate(call: CommandCall) -> str:
    await proactive.regenerate(call.chat, call.memory, call.place, call.user)
    return ""


async def continue_reply(call: CommandCall) -> str:
    await proactive.continue_reply(call.chat, call.memory, call.place, call.user)
    return ""


async def stop(call: CommandCall) -> str:
    """End the reply to the caller that is being made."""
    worker = call.chat.worker(call.place)
    await check_stop(call, worker.answered_authors)
    return "" if worker.stop() else "Nothing is being said."


async def post(call: CommandCall) -> str:
    """Let the persona of this place say the given text, stored as its own message, or a text of its own."""
    await proactive.post(call.chat, call.memory, call.place, call.option("text"), call.user)
    return ""
