"""The environment of untrusted chat templates: nothing leaves it, every operation is counted and bounded."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes as nodes
import jinja2.parser
import jinja2.runtime
import jinja2.sandbox
import jinja2.utils

from bot.prompt.template_filters import bounded_filters, bounded_tests, check_format, check_replacement
from bot.prompt.template_instrument import INSTRUMENTS, Instrument
from bot.prompt.template_meter import build, meter, refusal, weigh, weigh_all

_MOST_BITS = 4096  # of a product or a power
_STRING_METHODS = frozenset(
    "strip lstrip rstrip split rsplit splitlines startswith endswith upper lower title capitalize casefold "
    "swapcase find rfind index rindex count partition rpartition removeprefix removesuffix isalpha isdigit "
    "isnumeric isdecimal isspace isalnum isupper islower istitle replace join format".split()
)
_METHODS: dict[type, frozenset[str]] = {
    str: _STRING_METHODS,
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"index", "count"}),
    tuple: frozenset({"index", "count"}),
    jinja2.runtime.LoopContext: frozenset({"cycle", "changed"}),
}


class GenerationTag(jinja2.ext.Extension):
    """The tag `{% generation %}`, which marks the assistant's words for some trainers: its body passes
    through.
    """

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: jinja2.parser.Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class TemplateSandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Compiles templates that change nothing, whose work a `Meter` bounds."""

    intercepted_binops = frozenset(jinja2.sandbox.SandboxedEnvironment.default_binop_table)

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[GenerationTag, "jinja2.ext.loopcontrols"],
            optimized=False,  # folds constants while it compiles, without a bound
        )
        plain = {"range": jinja2.sandbox.safe_range, "dict": dict, "namespace": jinja2.utils.Namespace}
        self.globals = {**plain, **functions}
        self._functions = tuple(self.globals.values())
        self.filters = bounded_filters(self) | INSTRUMENTS
        self.tests: dict[str, Any] = bounded_tests(self.tests)

    def compile_bounded(self, source: str) -> jinja2.Template:
        """Compile a template. Raises `TemplateError` or an error of Python's for one that is not valid."""
        return self.from_string(Instrument().visit(self.parse(source)))

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Join output: that of a macro or a block of text, or all of it."""
        return "".join(_written(pieces))

    def call_binop(self, context: jinja2.runtime.Context, operator: str, left: Any, right: Any) -> Any:
        """Compute a binary operator whose result is bounded before it is made."""
        meter().step(1, weigh_all(left, right))
        if operator == "*":
            _check_product(left, right)
        elif operator == "**":
            _check_power(left, right)
        elif operator == "%" and isinstance(left, str):
            check_format(left, right)
        elif operator == "+":
            meter().allow(weigh_all(left, right))
        return build(super().call_binop(context, operator, left, right))

    def call(self, context: jinja2.runtime.Context, function: Any, /, *args: Any, **options: Any) -> Any:
        """Call a macro, one of the sandbox's functions, or a method that reads."""
        if isinstance(function, jinja2.runtime.Macro):
            meter().step(1)
        elif not isinstance(function, jinja2.runtime.Undefined):  # which says its name when it is called
            self._check_call(function, args, options)
        return build(super().call(context, function, *args, **options))

    def _check_call(self, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        given = weigh_all(*args, *options.values())
        meter().step(1, given)
        if any(function is known for known in self._functions):
            return
        function = getattr(function, "__wrapped__", function)  # of the sandbox's own `format`
        owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
        kind = next((kind for kind in _METHODS if isinstance(owner, kind)), None)
        if kind is None or name not in _METHODS[kind]:
            raise refusal(f"it calls a {type(function).__name__} {name!r} that is not permitted")
        if kind is not jinja2.runtime.LoopContext:
            meter().step(1, weigh(owner))
        if isinstance(owner, str):
            _check_text_method(name, owner, args, options)


def _check_text_method(name: str, text: str, args: tuple[Any, ...], options: dict[str, Any]) -> None:
    if name == "replace":
        check_replacement(text, *args[:2])
    elif name == "join" and args:
        args = (build(args[0]),)
        meter().allow(weigh(args[0]) + len(text) * len(args[0]))
    elif name == "format":
        check_format(text, (*args, *options.values()))
    elif name.endswith("strip") and args and isinstance(args[0], str):
        meter().step(1, len(text) * len(args[0]))


def _check_product(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MOST_BITS:
            raise refusal(f"it makes a number of more than {_MOST_BITS:,} bits")
        return
    for value, times in ((left, right), (right, left)):
        if isinstance(value, str | list | tuple) and isinstance(times, int):
            meter().allow(weigh(value) * max(times, 0))


def _check_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > _MOST_BITS:
        raise refusal(f"it makes a number of more than {_MOST_BITS:,} bits")


def _written(pieces: Iterable[str]) -> Iterator[str]:
    count = meter()
    for piece in pieces:
        count.write(len(piece))
        yield piece
