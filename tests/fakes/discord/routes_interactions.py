"""The routes that answer interactions: the callback with its clock, the original answer and the followups."""

from tests.fakes.discord import payload, payload_messages
from tests.fakes.discord.interaction import (
    ASK,
    COMPLETE,
    COMPLETION,
    COMPONENT,
    DEFER,
    DEFER_UPDATE,
    FORM,
    PONG,
    SAY,
    UPDATE,
    Interaction,
)
from tests.fakes.discord.platform import Platform
from tests.fakes.discord.refusal import Refusal, invalid
from tests.fakes.discord.request import Reply, Request
from tests.fakes.discord.world import Json, Message

LOADING = 128


def callback(platform: Platform, request: Request) -> Reply:
    interaction = _fresh(platform, request)
    body = request.form
    kind, data = body.get("type"), body.get("data") or {}
    _check_kind(interaction, kind)
    message = _answered(platform, interaction, kind, data, request)
    interaction.callback, interaction.acknowledged = body, platform.now()
    if not request.asks("with_response"):
        return Reply()
    return Reply(200, _response(platform, interaction, kind, message))


def _fresh(platform: Platform, request: Request) -> Interaction:
    """The interaction, if it waits for its first answer and its clock (3 s at Discord) has not run out."""
    interaction = platform.interactions.get(request.parameters["interaction_token"])
    if interaction is None or interaction.id != request.number("interaction_id"):
        raise Refusal(10062)
    if interaction.callback is not None:
        raise Refusal(40060)
    if platform.now() - interaction.at > platform.ack_window:
        raise Refusal(10062)
    return interaction


def _check_kind(interaction: Interaction, kind: int | None) -> None:
    allowed = {SAY, DEFER, ASK}
    if interaction.kind == COMPLETION:
        allowed = {COMPLETE}
    elif interaction.kind in (COMPONENT, FORM) and interaction.source:
        allowed |= {DEFER_UPDATE, UPDATE}
    if interaction.kind == FORM:
        allowed.discard(ASK)
    if kind not in allowed and kind != PONG:
        raise invalid("type", "INTERACTION_INVALID_CALLBACK_TYPE", "Wrong kind of callback.")


def _answered(
    platform: Platform, interaction: Interaction, kind: int | None, data: Json, request: Request
) -> Message | None:
    """Do what the callback says; the message that it made or changed."""
    if kind == SAY:
        return _say(platform, interaction, data, request)
    if kind == DEFER:
        message = _message(platform, interaction)
        message.flags = LOADING | (data.get("flags") or 0) & 64
        return _keep(interaction, message)
    if kind in (DEFER_UPDATE, UPDATE):
        interaction.original = interaction.source
        if kind == UPDATE and interaction.source:
            platform.rewrite(interaction.source, data, request.files)
    if kind == COMPLETE and len(data.get("choices") or ()) > 25:
        raise invalid("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    return interaction.source if kind == UPDATE else None


def _message(platform: Platform, interaction: Interaction, kind: int = 20) -> Message:
    message = Message(platform.next_id(), interaction.channel, platform.bot, kind=kind)
    message.webhook = message.application = platform.bot.id
    if kind == 20:
        message.interaction = _metadata(interaction)
    return message


def _metadata(interaction: Interaction) -> Json:
    """Return a message's metadata of the interaction that it answers."""
    found: Json = {
        "id": str(interaction.id),
        "type": interaction.kind,
        "user": payload.user(interaction.user),
        "authorizing_integration_owners": interaction.owners,
    }
    if interaction.kind == COMPONENT and interaction.source:
        found["interacted_message_id"] = str(interaction.source.id)
    if interaction.kind == FORM and interaction.asked:
        found["triggering_interaction_metadata"] = _metadata(interaction.asked)
    return found


def _keep(interaction: Interaction, message: Message) -> Message:
    interaction.messages[message.id] = message
    if interaction.original is None:
        interaction.original = message
    return message


def _say(
    platform: Platform, interaction: Interaction, body: Json, request: Request, kind: int = 20
) -> Message:
    message = _message(platform, interaction, kind)
    message.flags = (body.get("flags") or 0) & 64
    body = {name: value for name, value in body.items() if name not in ("nonce", "enforce_nonce")}
    platform.post(message, body, request.files)
    return _keep(interaction, message)


def _response(
    platform: Platform, interaction: Interaction, kind: int | None, message: Message | None
) -> Json:
    about: Json = {"id": str(interaction.id), "type": interaction.kind}
    found: Json = {"interaction": about}
    if message is not None:
        about["response_message_id"] = str(message.id)
        about["response_message_loading"] = message.loading
        about["response_message_ephemeral"] = message.ephemeral
        shown = SAY if kind == DEFER else kind
        found["resource"] = {"type": shown, "message": payload_messages.message(message, platform.bot)}
    return found


def _live(platform: Platform, request: Request) -> Interaction:
    """The interaction behind an application's webhook token, which lives 15 minutes at Discord."""
    interaction = platform.interactions.get(request.parameters["webhook_token"])
    if interaction is None or interaction.callback is None:
        raise Refusal(10015)
    if platform.now() - interaction.at > platform.token_life:
        raise Refusal(50027)
    return interaction


def follow_up(platform: Platform, request: Request) -> Reply:
    """A new message; the first one after a deferral becomes the original answer."""
    interaction = _live(platform, request)
    original = interaction.original
    if original is not None and original.loading:
        message = _fill(platform, original, request)
    else:
        message = _say(platform, interaction, request.form, request, kind=0)
    return Reply(200, payload_messages.message(message, platform.bot))


def _found(platform: Platform, request: Request) -> Message:
    interaction, key = _live(platform, request), request.parameters["message_id"]
    if key == "@original":
        message = interaction.original
    else:
        message = interaction.messages.get(request.number("message_id"))
    if message is None or message.deleted:
        raise Refusal(10008)
    return message


def _fill(platform: Platform, message: Message, request: Request) -> Message:
    """Turn "thinking..." into a message that others see too."""
    message.flags &= ~LOADING
    try:
        return platform.post(message, request.form, request.files)
    except Refusal:
        message.flags |= LOADING
        raise


def fetch(platform: Platform, request: Request) -> Reply:
    return Reply(200, payload_messages.message(_found(platform, request), platform.bot))


def edit(platform: Platform, request: Request) -> Reply:
    message = _found(platform, request)
    if message.loading:
        message = _fill(platform, message, request)
    else:
        message = platform.rewrite(message, request.form, request.files)
    return Reply(200, payload_messages.message(message, platform.bot))


def delete(platform: Platform, request: Request) -> Reply:
    platform.erase(_found(platform, request))
    return Reply()


ROUTES = {"POST /interactions/{interaction_id}/{interaction_token}/callback": callback}
