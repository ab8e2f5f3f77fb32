"""Counting inside a compiled chat template: changes of its syntax tree, and the filters that they call."""

from collections.abc import Callable, Iterable
from typing import Any

import jinja2
import jinja2.nodes as nodes
import jinja2.runtime
import jinja2.visitor

from bot.prompt.template_meter import build, meter, weigh


@jinja2.pass_context
def _tick(context: jinja2.runtime.Context, steps: int) -> bool:
    meter().step(steps)
    return True


@jinja2.pass_context
def _show(context: jinja2.runtime.Context, value: Any) -> str:
    if isinstance(value, str):
        return value
    meter().step(1, weigh(value))
    text = str(value)
    meter().allow(len(text))
    meter().write(len(text))
    return text


@jinja2.pass_context
def _build(context: jinja2.runtime.Context, value: Any) -> Any:
    return build(value)


@jinja2.pass_context
def _concatenate(context: jinja2.runtime.Context, values: list[Any]) -> str:
    built = build(values)
    meter().step(1, built.weight)
    meter().allow(built.weight)
    return "".join(map(str, built))


@jinja2.pass_context
def _compare(context: jinja2.runtime.Context, value: Any) -> Any:
    meter().step(1, weigh(value))
    return value


@jinja2.pass_context
def _slice(context: jinja2.runtime.Context, value: Any, start: Any, stop: Any, step: Any) -> Any:
    meter().step(1, weigh(value) if isinstance(value, str) else 0)
    return build(value[start:stop:step])


# a name with a blank cannot be written as a filter of a template
INSTRUMENTS: dict[str, Callable[..., Any]] = {
    "a step": _tick,
    "a text": _show,
    "a list": _build,
    "a concatenation": _concatenate,
    "a comparison": _compare,
    "a slice": _slice,
}


def _through(name: str, value: nodes.Expr, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, list(args), [], None, None, lineno=value.lineno)


class Instrument(jinja2.visitor.NodeTransformer):
    """Changes a syntax tree so that the meter sees all that it does.

    Each branch and each round of a loop counts its nodes. What Jinja compiles to plain Python (lists, slices,
    `~`, comparisons) goes through filters that count.
    """

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise jinja2.TemplateSyntaxError("recursive loops are not permitted", node.lineno)
        steps = _steps(node.body)
        tests = _steps([node.test]) if node.test else 0
        self.generic_visit(node)
        node.body = [_counted(steps, node), *node.body]
        if node.test:
            counted = _through("a step", nodes.Const(tests, lineno=node.lineno))
            node.test = nodes.And(counted, node.test, lineno=node.lineno)
        return node

    def visit_If(self, node: nodes.If) -> nodes.Node:
        steps, other = _steps(node.body), _steps(node.else_)
        self.generic_visit(node)
        node.body = [_counted(steps, node), *node.body]
        node.else_ = [_counted(other, node), *node.else_] if node.else_ else []
        return node

    def _visit_called(self, node: Any) -> nodes.Node:
        steps = _steps(node.body)
        self.generic_visit(node)
        node.body = [_counted(steps, node), *node.body]
        return node  # type: ignore[no-any-return]

    visit_Macro = visit_CallBlock = visit_Block = _visit_called

    def visit_Output(self, node: nodes.Output) -> nodes.Node:
        self.generic_visit(node)
        node.nodes = [
            child if isinstance(child, nodes.TemplateData | nodes.Const) else _through("a text", child)
            for child in node.nodes
        ]
        return node

    def visit_List(self, node: nodes.List) -> nodes.Node:
        self.generic_visit(node)
        return _through("a list", node)

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:
        self.generic_visit(node)
        return _through("a list", node)

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:
        self.generic_visit(node)
        return node if node.ctx == "store" else _through("a list", node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _through("a concatenation", nodes.List(node.nodes, lineno=node.lineno))

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _weighed(node.expr)
        for operand in node.ops:
            operand.expr = _weighed(operand.expr)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        if not isinstance(node.arg, nodes.Slice):
            return node
        none = nodes.Const(None, lineno=node.lineno)
        bounds = (node.arg.start or none, node.arg.stop or none, node.arg.step or none)
        return _through("a slice", node.node, *bounds)


def _weighed(operand: nodes.Expr) -> nodes.Expr:
    return operand if isinstance(operand, nodes.Const) else _through("a comparison", operand)


def _counted(steps: int, node: nodes.Node) -> nodes.ExprStmt:
    return nodes.ExprStmt(_through("a step", nodes.Const(steps, lineno=node.lineno)), lineno=node.lineno)


def _steps(body: Iterable[nodes.Node]) -> int:
    """Return the number of nodes, without those of inner branches and loops, which count for themselves."""
    waiting, found = list(body), 0
    while waiting:
        node = waiting.pop()
        found += 1
        inner = [] if isinstance(node, nodes.Macro | nodes.CallBlock) else node.iter_child_nodes()
        if isinstance(node, nodes.If):
            inner = iter((node.test, *node.elif_))
        elif isinstance(node, nodes.For):
            inner = iter((node.iter, *node.else_))
        waiting.extend(inner)
    return found
