"""From exported chats to LoRA adapters, offline; it shares `bot.prompt` with serving and nothing that runs."""
