"""One chat in the formats of Meta, TikTok and Snapchat, as files by path; each message has its own second."""

from datetime import UTC, datetime
from typing import Any

from tests.complexity.documents.chat_formats import SECOND, Files, as_json
from tests.complexity.documents.chat_formats import meta as meta_messages
from tests.complexity.documents.hostile_chats import Chat


def meta_download(chat: Chat) -> Files:
    """Each message is also a post and a comment on Facebook and Instagram, and a post on Threads."""
    said = [(SECOND + number, message.text) for number, message in enumerate(chat.messages, 1)]
    posts = [{"timestamp": time, "data": [{"post": text}], "title": "Ana posted."} for time, text in said]
    comments = [
        {"timestamp": time, "data": [{"comment": {"timestamp": time, "comment": text}}]}
        for time, text in said
    ]
    media = [{"media": [{"uri": "a.jpg", "creation_timestamp": time, "title": text}]} for time, text in said]
    labelled = [
        {
            "string_map_data": {
                "Comment": {"value": text},
                "Media Owner": {"value": chat.names[-1]},
                "Time": {"timestamp": time},
            }
        }
        for time, text in said
    ]
    name = {"full_name": chat.names[0]}
    return {
        **meta_messages(chat),
        "profile_information.json": as_json({"profile_v2": {"name": name}}),
        "posts/your_posts_1.json": as_json(posts),
        "comments/comments.json": as_json({"comments_v2": comments}),
        "media/posts_1.json": as_json(media),
        "comments/post_comments_1.json": as_json(labelled),
        "threads/threads_and_replies.json": as_json({"text_post_app_text_posts": media}),
    }


def tiktok(chat: Chat) -> Files:
    """Each message is also a comment."""
    messages = [
        {"Date": _date(number), "From": chat.names[said.author], "Content": said.text}
        for number, said in enumerate(chat.messages, 1)
    ]
    comments = [{"date": _date(number), "comment": said.text} for number, said in enumerate(chat.messages, 1)]
    root: dict[str, Any] = {
        "Comment": {"Comments": {"CommentsList": comments}},
        "Direct Message": {
            "Direct Messages": {"ChatHistory": {f"Chat History with {chat.names[-1]}:": messages}}
        },
        "Profile": {"Profile Info": {"ProfileMap": {"userName": chat.names[0]}}},
    }
    return {"user_data_tiktok.json": as_json(root)}


def snapchat(chat: Chat) -> Files:
    messages = [
        {
            "From": chat.names[said.author],
            "Media Type": "TEXT",
            "Created": f"{_date(number)} UTC",
            "Content": said.text,
            "Conversation Title": None,
            "IsSender": said.author == 0,
        }
        for number, said in enumerate(chat.messages, 1)
    ]
    return {"json/chat_history.json": as_json({chat.name: messages})}


def _date(number: int) -> str:
    return f"{datetime.fromtimestamp(SECOND + number, UTC):%Y-%m-%d %H:%M:%S}"
