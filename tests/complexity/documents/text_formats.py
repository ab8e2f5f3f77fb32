"""One chat in the formats of mail and of own texts, as files by path."""

from email.utils import formatdate

from tests.complexity.documents.chat_formats import SECOND, Files
from tests.complexity.documents.hostile_chats import Chat


def mail(chat: Chat) -> Files:
    """An mbox in which everybody writes to everybody; a long name has the length of its mark."""
    people = [f"{name} <{at}@quay.example>" for at, name in enumerate(chat.names)]
    mails = []
    for number, said in enumerate(chat.messages, 1):
        answered = f"In-Reply-To: <{said.reply_to}@quay.example>\n" if said.reply_to else ""
        mails.append(
            "From - Mon Jan 15 10:00:00 2024\n"
            f"From: {people[said.author]}\nTo: {', '.join(people[:9])}\nSubject: {chat.name}\n"
            f"Date: {formatdate(SECOND)}\nMessage-ID: <{number}@quay.example>\n{answered}"
            f"Content-Type: text/plain; charset=utf-8\n\n{said.text}\n\n"
        )
    return {"a.mbox": "".join(mails).encode("utf-8", "replace")}
