"""From exported chats to LoRA adapters, offline; with serving it shares `bot.prompt`, and nothing that runs."""
