"""sigtop: the chats of Signal Desktop as text or JSON, a file for each chat."""
