"""Chat templates of ill will: a few characters that ask for gigabytes, or for years."""

from itertools import pairwise

OFTEN = "{% for i in range(9999) %}"
END = "{% endfor %}"
NUMBERS = "{% set x = range(9999) | list %}"
LONG = "{% set x = 'a' * 90000 %}"


def grown(first: str, grow: str, times: int = 99) -> str:
    """A template that replaces `n.x` by a larger value again and again."""
    return f"{{% set n = namespace(x={first}) %}}{{% for i in range({times}) %}}{{% set n.x = {grow} %}}{END}"


def nested_macros(innermost: str) -> str:
    """Macros of which each calls the one before it ten times."""
    macros = (
        f"{{% macro {outer}() %}}{f'{{{{ {inner}() }}}}' * 10}{{% endmacro %}}"
        for inner, outer in pairwise("abcdefgh")
    )
    return f"{{% macro a() %}}{innermost}{{% endmacro %}}{''.join(macros)}{{{{ h() }}}}"


BOMBS = {
    "ranges": OFTEN * 8 + "x" + END * 8,
    "empty ranges": OFTEN * 8 + END * 8,
    "filtered ranges": "{% for a in range(9999) if a < 0 %}{% endfor %}" * 200,
    "unread branches": OFTEN + "{% if i %}{{ i }}{% endif %}" * 500 + END,
    "product": "{{ 'a' * 400000000 }}",
    "product of lists": "{% set a = [1] * 400000000 %}",
    "products": "{{ 'a' * 90000 * 90000 }}",
    "power": "{{ 10 ** 400000000 }}",
    "powers": grown("10", "n.x * n.x"),
    "rounded": "{{ 1.5 | round(400000000, 'ceil') }}",
    "center": "{{ 'a' | center(400000000) }}",
    "centered": "{{ 'a'.center(400000000) }}",
    "filled": "{{ 'a'.zfill(400000000) }}",
    "indented": "{{ ('a\\n' * 40000) | indent(40000) }}",
    "indented by text": "{{ ('a\\n' * 20000) | indent('a' * 20000) }}",
    "format": "{{ '%400000000d' | format(1) }}",
    "format by a value": "{{ '%*d' | format(400000000, 1) }}",
    "modulo": "{{ '%400000000d' % 1 }}",
    "modulo by many": "{{ ('%s' * 20000) % (('a' * 20000,) * 20000) }}",
    "format method": "{{ '{:400000000}'.format(1) }}",
    "format method by a value": "{{ '{:{}}'.format(1, 400000000) }}",
    "format method by text": "{{ '{:{}}'.format('a', '400000000') }}",
    "format repeats": "{{ ('{0}' * 20000).format('a' * 20000) }}",
    "replacement": "{{ ('a' * 40000).replace('a', 'b' * 40000) }}",
    "replacement of nothing": "{{ ('a' * 40000) | replace('', 'b' * 40000) }}",
    "join": "{{ ('a' * 40000) | join('b' * 40000) }}",
    "join method": "{{ ('b' * 40000).join('a' * 40000) }}",
    "doubled text": grown("'aa'", "n.x + n.x"),
    "doubled by tilde": grown("'aa'", "n.x ~ n.x"),
    "doubled by blocks": grown("'aa'", "n.x").replace(
        "{% set n.x", "{% set b %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x = b %}{% set n.x"
    ),
    "doubled list": grown("[1]", "n.x + n.x"),
    "lists in lists": grown("[1]", "[n.x, n.x, n.x]", 40) + "{{ n.x }}",
    "equal lists": grown("[1]", "[n.x, n.x]", 40)
    + "{% set m = n.x %}"
    + grown("[1]", "[n.x, n.x]", 40)
    + "{{ m == n.x }}",
    "tables in tables": grown("1", "{'a': n.x, 'b': n.x}", 40) + "{{ n.x | tojson }}",
    "deep tuples": grown("1", "(n.x,)", 9999) + "{{ {n.x: 1} }}",
    "held by a namespace": "{% set n = namespace(x='a' * 90000) %}{% set l = [n] * 90000 %}{{ l }}",
    "macros": nested_macros("xxxxxxxxxx"),
    "silent macros": nested_macros(""),
    "branching macro": (
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
    ),
    "branching call": (
        "{% macro m(n) %}{{ caller() }}{% if n %}{% call m(n - 1) %}{% endcall %}"
        "{% call m(n - 1) %}{% endcall %}{% endif %}{% endmacro %}{% call m(60) %}{% endcall %}"
    ),
    "repeated output": LONG + OFTEN + "{{ x }}" + END,
    "repeated printing": "{% set x = ['a'] * 9000 %}" + OFTEN + "{{ x }}" + END,
    "repeated source": OFTEN + "a" * 9000 + END,
    "repeated source in a macro": (
        "{% macro m() %}" + OFTEN + "a" * 9000 + END + "{% endmacro %}{% if m() %}{% endif %}"
    ),
    "repeated comparison": LONG + "{% set y = x + 'b' %}" + OFTEN + "{% if y == x %}{% endif %}" + END,
    "repeated search": NUMBERS + OFTEN + "{% if -1 in x %}{% endif %}" + END,
    "repeated test": NUMBERS + OFTEN + "{% if -1 is in(x) %}{% endif %}" + END,
    "selection": NUMBERS + "{{ x | select('in', x) | list }}",
    "attributes": NUMBERS + OFTEN + "{% set y = x | map('string') | list %}" + END,
    "stripped": "{{ ('a' * 90000).strip('b' * 90000 + 'a') }}",
    "trimmed": "{{ ('a' * 90000) | trim('b' * 90000 + 'a') }}",
    "slices": NUMBERS + OFTEN + "{% set y = x[1:] %}" + END,
    "sum of lists": "{{ ([[1]] * 9000) | sum(start=[]) }}",
    "step by name": "{% for i in [-999999999] | map('a step') %}{% endfor %}" + OFTEN * 2 + END * 2,
    "many turns": "{% if messages | length > 5 %}{{ 'a' * 400000000 }}{% endif %}",
    "recursive": "{% for a in [[1] * 90] * 90 recursive %}{{ loop([[1] * 90] * 90) }}{% endfor %}",
    "recursive to a depth": (
        "{% for a in range(90) recursive %}{% if loop.depth < 9 %}{{ loop(range(90)) }}{% endif %}"
        "{% endfor %}"
    ),
    "lipsum": "{{ lipsum(400000) }}",
    "cycler": "{% set c = cycler(*range(99999)) %}{{ c.next() }}",
    "reason": "{{ raise_exception('a' * 90000) }}",
}
