"""Hostile files that only one format can hold: each grows with `n`."""

from collections.abc import Callable

from tests.complexity.documents.chat_formats import DAY, SECOND, Files, as_json, as_table, slack, twitter
from tests.complexity.documents.hostile_chats import Chat, Said


def telegram_entities(n: int) -> Files:
    parts = [{"type": "mention", "text": "@a"}, "\x00"] * n
    message = {"id": 1, "type": "message", "date": f"{DAY}T10:00:00", "date_unixtime": SECOND, "text": parts}
    return {"a.json": as_json({"name": "a", "type": "private_group", "id": 7, "messages": [message]})}


def telegram_chats(n: int) -> Files:
    chat = {"name": "q", "type": "private_group", "id": 7, "messages": []}
    user = {"user_id": 1}
    return {"a.json": as_json({"personal_information": user, "chats": {"list": [chat] * n}})}


def slack_days(n: int) -> Files:
    people = tuple(f"P{at}" for at in range(n))
    files = slack(Chat((Said(0, "hello"),), names=people))
    day = files.pop(f"general/{DAY}.json")
    return files | {f"general/{number}.json": day for number in range(n)}


def twitter_notes(n: int) -> Files:
    """Posts of one second that all begin alike, and cut tweets that begin like none of them to the end."""
    files = twitter(Chat(tuple(Said(0, "x" * 100 + str(at) * 30) for at in range(8 * n))))
    tweets = twitter(Chat(tuple(Said(0, "x" * 100 + "y" * 50) for _ in range(n))))
    return files | {"data/tweets.js": tweets["data/tweets.js"]}


def twitter_links(n: int) -> Files:
    links = [
        {"url": f"https://t.co/{'a' * at}", "expanded_url": "https://a.example/" + "b" * 99}
        for at in range(n)
    ]
    tweet = {
        "id_str": "1",
        "created_at": "Mon Jan 15 10:00:00 +0000 2024",
        "full_text": "https://t.co/a " * n,
    }
    files = twitter(Chat((Said(0, "hello"),)))
    return files | {
        "data/tweets.js": as_json(
            [{"tweet": {**tweet, "entities": {"urls": links}}}], "window.YTD.tweets.part0 = "
        )
    }


def columns_and_rows(n: int) -> Files:
    columns = ("id", "permalink", "date", "subreddit", "body", *[""] * n)
    return {"comments.csv": as_table(columns, [("1",)] * n)}


def oasst_circle(n: int) -> Files:
    rows = [
        {"message_id": str(at), "parent_id": str((at + 1) % n), "role": "prompter", "text": "a", "lang": "en"}
        for at in range(n)
    ]
    return {"a.jsonl": b"\n".join(map(as_json, rows))}


def oasst_tree(n: int) -> Files:
    node = {"message_id": "1", "role": "assistant", "text": "a", "replies": []}
    tree = {"message_tree_id": "t" * n, "prompt": {**node, "replies": [node] * n}}
    return {"a.jsonl": as_json(tree)}


def whatsapp_dates(n: int) -> Files:
    rows = [f"{1 + at % 12}/{1 + at % 28}/{20 + at % 50}, 10:00 - Ana: hello" for at in range(n)]
    return {"a.txt": "\n".join(rows).encode()}


def google_people(n: int) -> Files:
    """A conversation of Hangouts that tells n times who is in it."""
    people = [{"id": {"gaia_id": str(at)}, "fallback_name": f"P{at}"} for at in range(n)]
    told = ", ".join(f'"conversation": {{"id": "a{at}", "participant_data": [{{}}]}}' for at in range(n))
    first = as_json({"id": "a", "participant_data": people}).decode()
    events = '[{"timestamp": "1705312800000000", "event_type": "SMS"}]'
    document = f'{{"conversations": [{{"conversation": {first}, {told}, "events": {events}}}]}}'
    return {"Hangouts.json": document.encode()}


def google_members(n: int) -> Files:
    """A group of Google Voice with n people."""
    person = '<a class="tel" href="tel:+{}"><span class="fn">P</span></a>'
    people = "".join(map(person.format, range(n)))
    return {"a.html": f'<html><div class="hChatLog"><div class="participants">{people}</div></html>'.encode()}


def discord_people(n: int) -> Files:
    """The JSON of Discord History Tracker, with n people in n channels who say one thing each."""
    users = {str(at): {"name": "P" * 20} for at in range(n)}
    said = {str(at): {str(at): {"u": at, "t": SECOND, "m": "hello", "a": []}} for at in range(n)}
    meta = {"userindex": [*users], "users": users, "servers": [{}] * n, "channels": {id: {} for id in users}}
    return {"a.json": as_json({"meta": meta, "data": said})}


def slack_threads(n: int) -> Files:
    """slackdump's JSON of a conversation whose first message has n answers."""
    said = {"ts": f"{SECOND}.1", "type": "message", "user": "U1", "text": "hello"}
    answers = [{**said, "ts": f"{SECOND}.{at}2"} for at in range(n)]
    messages = [{**said, "slackdump_thread_replies": answers}, said]
    return {"C1.json": as_json({"channel_id": "C1", "messages": messages})}


PECULIAR: dict[str, dict[str, Callable[[int], Files]]] = {
    "Telegram": {"entities": telegram_entities, "chats": telegram_chats},
    "Slack": {"people and days": slack_days},
    "slackdump": {"threads": slack_threads},
    "Discord History Tracker": {"people of its JSON": discord_people},
    "Google Voice": {"people": google_members},
    "Google Hangouts": {"people": google_people},
    "X (Twitter) archive": {"long posts": twitter_notes, "links": twitter_links},
    "Reddit": {"columns and rows": columns_and_rows},
    "OASST1": {"parents in a circle": oasst_circle, "answers of one tree": oasst_tree},
    "WhatsApp": {"dates": whatsapp_dates},
}
