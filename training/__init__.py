"""From exported chats to LoRA adapters, offline. It shares `bot.prompt.builder` with serving, and nothing alive."""
