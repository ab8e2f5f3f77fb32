"""From exported chats to LoRA adapters, offline. It shares `bot.prompt` with serving, and nothing alive."""
