"""The program around the chat: host of the platforms, terminal, admin commands, doctor, command line."""
