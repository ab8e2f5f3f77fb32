"""A grammar of chat templates: values that grow, in loops, branches and macros."""

from hypothesis import strategies as st
from jinja2 import Environment

from bot.prompt.template_filters import bounded_filters

WORDS = [
    "x",
    "n.x",
    "m",
    "messages",
    "i",
    "loop",
    "'ab'",
    "9999",
    "3",
    "[1, 2]",
    "{'a': 1}",
    "(1, x)",
    "range(999)",
]
FILTERS = [
    *sorted(bounded_filters(Environment())),
    "center",
    "batch",
    "wordwrap",
    "pprint",
    "urlize",
    "xmlattr",
]
expression = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: st.one_of(
        st.tuples(
            inner, st.sampled_from(["+", "*", "**", "%", "~", "-", "//", "==", "in", "and", "or"]), inner
        ).map(lambda each: f"({' '.join(each)})"),
        st.tuples(inner, st.sampled_from(FILTERS)).map(lambda each: f"({each[0]} | {each[1]})"),
        st.tuples(inner, st.sampled_from(FILTERS), inner).map(
            lambda each: f"({each[0]} | {each[1]}({each[2]}))"
        ),
        st.tuples(
            inner, st.sampled_from(["replace", "join", "format", "split", "strip", "center", "get"]), inner
        ).map(lambda each: f"{each[0]}.{each[1]}({each[2]}, {each[2]})"),
        st.tuples(inner, inner).map(lambda each: f"{each[0]}[{each[1]}:]"),
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, max_size=3).map(
            lambda items: f"dict({', '.join(f'k{n}={item}' for n, item in enumerate(items))})"
        ),
    ),
    max_leaves=6,
)
statement = st.recursive(
    expression.map(lambda text: "{{ " + text + " }}")
    | expression.map(lambda text: "{% set n.x = " + text + " %}")
    | expression.map(lambda text: "{% set x = " + text + " %}")
    | st.just("{{ f(x) }}"),
    lambda inner: st.one_of(
        st.tuples(expression, inner).map(
            lambda each: "{% for i in " + each[0] + " %}" + each[1] + "{% endfor %}"
        ),
        st.tuples(expression, inner).map(
            lambda each: "{% for i in range(999) if " + each[0] + " %}" + each[1] + "{% endfor %}"
        ),
        st.tuples(expression, inner).map(lambda each: "{% if " + each[0] + " %}" + each[1] + "{% endif %}"),
        inner.map(lambda text: "{% set x %}" + text + text + "{% endset %}"),
        inner.map(lambda text: "{% macro f(x) %}" + text + "{% endmacro %}{{ f(x) }}{{ f(n.x) }}"),
        st.lists(inner, min_size=2, max_size=4).map("".join),
    ),
    max_leaves=8,
)
