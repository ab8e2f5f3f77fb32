"""A Telegram Bot API server on loopback, faithful enough that real clients run against it unchanged.

    async with TelegramServer() as fake:
        builder.token(fake.token).base_url(f"{fake.url}/bot").base_file_url(f"{fake.url}/file/bot")

World: `ana = fake.user("Ana", "ana_ray")` (is_bot=True: another bot), `chat = fake.private(ana)`,
`fake.group(title, *people)`, `fake.supergroup(title, *people, forum=True)`, `fake.topic(chat, name) ->
thread id`, `fake.close_topic`, `fake.channel(title, *people, discussion=chat)`; the first of the people is
the creator, `bot="administrator"` the status of the bot. `TelegramServer(privacy=False)` turns privacy mode
off; `fake.bot` is the connected bot.
Happenings: `fake.say(chat, user, text, reply_to=, thread=, anonymous=, sender_chat=, forwarded_from=,
via_bot=, business=, date=) -> Message`, `edit(message, text)`, `delete(message)`, `press(user, message,
button) -> Press` with the bot's `answer`, `expire(press)`, `react(user, message, *emoji)`, `block(user)`,
`unblock`, `kick(chat, by)`, `invite`, `promote(chat, user, by, **rights)`, `change_member(chat, user,
status)`, `migrate(group) -> supergroup`, `post(channel, text) -> (post, forward)`, `guest(chat, user, text)
-> query id` answered in `fake.guest_queries`, `connect_business(owner) -> connection id`, `add_file(data,
name) -> File`.
Updates: `push(update)` as it stands, `repeat(message, times)` under the same id. All wait, bot or no bot,
in `fake.updates.pending` until acknowledged: `fake.acknowledged`, `fake.updates.polls` (times),
`.delivered` (ids), `.polling` (whether one waits now), `.longest` (seconds after which a long poll is
answered at the latest).
Records: `sent(chat)` (Messages with text, thread, at, edits, deleted, entities, buttons, pings, reply_to,
call), `visible(chat)` (texts), `actions(chat)`, `drafts(chat)`, `draft(chat)` (the one that can be seen),
`calls`, `called(method)`, `refusals`; `await fake.until(lambda: fake.visible(chat) == ["hello"],
seconds=5)`.
Faults: `fake.fail(method, fault, times=1, when=lambda arguments: ...)` with `bad_gateway(do=)`,
`reset(do=)`, `garbage(do=)`, `stall(seconds, do=)`, `call_back(function)`, `refuse(code, reason, do=)`,
`too_many(seconds)`, `unauthorized()`, `conflict()`, `answer(result)`; `do`: whether the call takes effect
all the same; a fault befalls the next call, `times=None` every call until `fake.heal(method)`.
Limits: `fake.limits.chat = Rate(1, 1)`, `.group = Rate(20, 60)`, `.overall = Rate(30, 1)`, and
`fake.limits.close(chat.id, seconds)`. Another `fake.token` makes the old one wrong.
Checks: `fake.schema_errors` and `fake.unknown` must be empty at the end of a test; the fixture `telegram`
(`pytest_plugins = ["tests.fakes.telegram.fixture"]`) sees to it. The description of the Bot API is found
through ALTEREGO_SPECS or at ../shared/specs; without it nothing is validated and `fake.spec.present` is
False.
Not there: legacy Markdown, webhook deliveries, albums, inline mode, payments.
"""

import inspect
import time
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.fakes.telegram import asking, changing, fleeting, sending
from tests.fakes.telegram.arguments import Arguments
from tests.fakes.telegram.chat import Chat, Edit, Member, Message, User
from tests.fakes.telegram.events import Events
from tests.fakes.telegram.faults import (
    Check,
    Fault,
    Script,
    answer,
    bad_gateway,
    call_back,
    conflict,
    garbage,
    refuse,
    reset,
    stall,
    too_many,
    unauthorized,
)
from tests.fakes.telegram.limits import Limits, Rate
from tests.fakes.telegram.records import Action, Call, Draft, Press
from tests.fakes.telegram.refusal import Refusal
from tests.fakes.telegram.world import ANONYMOUS, TELEGRAM

__all__ = [
    "ANONYMOUS",
    "TELEGRAM",
    "Action",
    "Call",
    "Chat",
    "Draft",
    "Edit",
    "Fault",
    "Limits",
    "Member",
    "Message",
    "Press",
    "Rate",
    "TelegramServer",
    "User",
    "answer",
    "bad_gateway",
    "call_back",
    "conflict",
    "garbage",
    "refuse",
    "reset",
    "stall",
    "too_many",
    "unauthorized",
]

METHODS: dict[str, Any] = {
    **asking.METHODS,
    **sending.METHODS,
    **changing.METHODS,
    **fleeting.METHODS,
}
BY_LOWER = {name.lower(): name for name in METHODS}


class TelegramServer(Events):
    """The world behind an HTTP door on a free port of loopback, open while the context is entered."""

    url: str

    async def __aenter__(self) -> "TelegramServer":
        self._scripts: list[Script] = []
        application = web.Application(client_max_size=2**26)
        application.router.add_route("*", "/bot{token:[^/]*}/{method}", self._answer)
        application.router.add_get("/file/bot{token:[^/]*}/{path:.+}", self._file)
        # a client that hangs up ends its long poll
        self._runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def fail(self, method: str, fault: Fault, *, times: int | None = 1, when: Check | None = None) -> None:
        """Let a fault befall the next call of a method for which `when` agrees to its arguments.

        Faults scripted before come first; `times` None: every call, until `heal`.
        """
        self._scripts.append(Script(method, fault, times, when))

    def heal(self, method: str) -> None:
        """Forget the faults of a method."""
        self._scripts = [script for script in self._scripts if script.method != method]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._attempt(request)
        except Exception as bug:
            self.schema_errors.append(f"{request.match_info['method']} broke the server: {bug!r}")
            raise

    async def _attempt(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"].lower()
        name = BY_LOWER.get(method, request.match_info["method"])
        arguments = await Arguments.read(request)
        record = arguments.record()
        fault = self._fault(method, record)
        said, at = web.Response(), time.monotonic()
        if fault is None or fault.do:
            said = await self._said(request.match_info["token"], name, arguments)
        else:
            self._note(name, record, at, "a scripted fault", fault.status)
        return await fault.respond(request, said, record) if fault else said

    def _fault(self, method: str, arguments: dict[str, Any]) -> Fault | None:
        script = next((s for s in self._scripts if s.befalls(method, arguments)), None)
        if script and script.times is not None:
            script.times -= 1
        return script.fault if script else None

    async def _said(self, token: str, name: str, arguments: Arguments) -> web.Response:
        """Do what is asked for and say the result or the refusal."""
        at, error, code = time.monotonic(), None, 200
        try:
            result = await self._do(token, name, arguments)
            if name != "getUpdates":  # updates are looked at as they are queued, poison excepted
                self.schema_errors += self.spec.result(name, result)
            body: dict[str, Any] = {"ok": True, "result": result}
        except Refusal as refusal:
            body, error, code = refusal.body(), str(refusal), refusal.code
        self._note(name, arguments.record(), at, error, code)
        return web.json_response(body, status=code)

    async def _do(self, token: str, name: str, arguments: Arguments) -> Any:
        if token != self.token:
            raise Refusal(401, "Unauthorized") if ":" in token else Refusal(404, "Not Found")
        if name not in METHODS:
            self.unknown.append(name)
            raise Refusal(404, "Not Found")
        if self.logged_out:
            raise Refusal(400, "Logged out")
        self.schema_errors += self.spec.call(name, arguments.values, set(arguments.files))
        result = METHODS[name](self, arguments)
        return await result if inspect.isawaitable(result) else result

    def _note(self, name: str, arguments: dict[str, Any], at: float, error: str | None, code: int) -> None:
        self.calls.append(Call(name, arguments, at, error, code))
        self.bell.ring()

    async def _file(self, request: web.Request) -> web.Response:
        found = next((f for f in self.files.values() if f.path == request.match_info["path"]), None)
        if found is None or request.match_info["token"] != self.token:
            raise web.HTTPNotFound(text='{"ok":false,"error_code":404,"description":"Not Found"}')
        return web.Response(body=found.data)
