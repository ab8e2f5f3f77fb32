"""The export files in tests/exports by format; all of them are invented."""

from tests.paths import EXPORTS
from training.importers import registry
from training.importers.reading.import_log import ImportLog
from training.store.messages import ExportedMessage

FIXTURES = {
    "X (Twitter) archive": ["x/manifest", "x/gdpr", "x/classic", "x/table", "x/mentions"],
    "DiscordChatExporter": [
        "discord_exporter/guild.json",
        "discord_exporter/guild [part 2].json",
        "discord_exporter/thread.json",
        "discord_exporter/direct.json",
        "discord_exporter/reversed.json",
        "discord_exporter/cut.json",
        "discord_exporter/raw.json",
        "discord_exporter/old.json",
        "discord_exporter/Quay - Text - table [70].csv",
    ],
    "Discord data package": ["discord_package/old", "discord_package/localised", "discord_package/json"],
    "Telegram": [
        "telegram/single.json",
        "telegram/personal.json",
        "telegram/full.json",
        "telegram/escapes.json",
        "telegram/old.json",
        "telegram/forum.json",
        "telegram/minified.json",
        "telegram/rich.json",
    ],
    "WhatsApp": [
        "whatsapp/WhatsApp Chat with Bo.txt",
        "whatsapp/ios",
        "whatsapp/iso.txt",
        "whatsapp/dotted.txt",
        "whatsapp/finnish.txt",
        "whatsapp/narrow.txt",
        "whatsapp/chinese before.txt",
        "whatsapp/chinese after.txt",
        "whatsapp/japanese.txt",
        "whatsapp/korean.txt",
        "whatsapp/spanish.txt",
        "whatsapp/decreasing.txt",
        "whatsapp/WhatsApp Chat with Bob.txt",
        "whatsapp/short dates",
        "whatsapp/reexport/one",
        "whatsapp/reexport/two",
        "whatsapp/locales/ar.txt",
        "whatsapp/locales/ar_latin.txt",
        "whatsapp/locales/fa.txt",
        "whatsapp/locales/hi_marker.txt",
        "whatsapp/locales/th.txt",
        "whatsapp/locales/th_ios.txt",
    ],
    "Reddit": ["reddit"],
    "Slack": ["slack"],
    "Meta (Facebook, Instagram, Messenger, Threads)": [
        "meta/instagram",
        "meta/messenger",
        "meta/notices",
        "meta/facebook",
        "meta/facebook across",
        "meta/facebook flat",
        "meta/instagram posts",
        "meta/instagram comments",
    ],
    "TikTok": ["tiktok/user_data.json", "tiktok/user_data_tiktok.json"],
    "Snapchat": ["snapchat/new", "snapchat/old"],
    "Messenger end-to-end download": ["messenger_e2ee/Bob_7.json"],
    "Signal (signal-export)": ["signal/Ann"],
    "LINE": [
        "line/english.txt",
        "line/japanese.txt",
        "line/chinese.txt",
        "line/group.txt",
        "line/computer.txt",
        "line/after midnight.txt",
        "line/thai.txt",
    ],
    "WeChat": [
        "wechat/weclone",
        "wechat/memotrace.csv",
        "wechat/memotrace older.csv",
        "wechat/one chat.csv",
        "wechat/chatlog.csv",
        "wechat/chatlog.json",
        "wechat/weflow.json",
    ],
    "QQ": ["qq/records.txt", "qq/gb18030.txt"],
    "Weibo": ["weibo/7001.csv", "weibo/older.csv"],
    "ChatLab": ["chatlab/chat.json", "chatlab/chat.jsonl"],
    "Alpaca": [
        "alpaca/set.json",
        "alpaca/set.jsonl",
        "sets/kto_rejected/kto_alpaca.json",
        "ancestors/fujisaki/tweets.json",
        "ancestors/chinese_vicuna/instruct.jsonl",
    ],
    "ShareGPT": [
        "sharegpt/set.json",
        "sharegpt/set.jsonl",
        "sets/kto_rejected/kto_sharegpt.json",
        "sets/not_trained/ax_train.jsonl",
        "sets/unknown/sharegpt_role.json",
    ],
    "ChatML messages": [
        "chatml/set.jsonl",
        "chatml/array.json",
        "chatml/completion.jsonl",
        "chatml/preference.jsonl",
        "chatml/kto.jsonl",
        "sets/llamafactory_v1/lf_v1.jsonl",
        "sets/not_trained/swift_loss.jsonl",
        "sets/unknown/bare_list.jsonl",
    ],
    "xtuner": ["xtuner/set.json", "ancestors/horowag/dialogue.json", "ancestors/horowag/facts.json"],
    "OASST1": ["oasst/set.messages.jsonl", "oasst/set.trees.jsonl"],
    "CuteGPT": ["cutegpt/set.json", "ancestors/cutegpt/conversations.json"],
    "Questions and answers": [
        "sets/unknown/dialog_query.jsonl",
        "sets/unknown/qa.jsonl",
        "sets/unknown/vicuna.jsonl",
        "ancestors/fujisaki/context_target.jsonl",
        "ancestors/chinese_vicuna/chat.jsonl",
    ],
    "Texts": ["sets/unknown/guanaco.jsonl"],
}


def read_fixture(name: str, log: ImportLog | None = None) -> list[ExportedMessage]:
    return list(registry.read_exports(EXPORTS / name, log))


def fixture_texts(name: str) -> list[str]:
    return [message.text for message in read_fixture(name)]
