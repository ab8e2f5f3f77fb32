"""Parts of the Telegram Bot API server that tests talk to; its door is `tests.fakes.telegram_server`."""
