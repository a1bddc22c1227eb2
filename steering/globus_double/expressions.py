"""Expressions of a flow (``name.=``): arithmetic, comparisons and a few functions over its state, never more."""

import ast
import operator
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from steering.globus_double.paths import PathError, get
from steering.globus_double_data.call import Document

_LONGEST = 4_000
# A path in backticks stands for what it leads to.
_PATH, _LOOK = re.compile(r"`([^`]*)`"), "__path"
_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right,
    ast.Mod: operator.mod,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, many: value in many,
    ast.NotIn: lambda value, many: value not in many,
}


def _split(path: str) -> list[str]:
    known = PurePosixPath(path)
    return [str(known.parent), known.name]


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "str": str,
    "int": int,
    "float": float,
    "min": min,
    "max": max,
    "pathsplit": _split,
}


class ExpressionError(Exception):
    """An expression is none, or cannot be computed."""


def read(text: str) -> ast.expr:
    """Read an expression.

    Raises:
        ExpressionError: If it is none, or holds what is not allowed.
    """
    if len(text) > _LONGEST:
        raise ExpressionError(f"an expression has {len(text)} characters; allowed are {_LONGEST}")
    try:
        looked = _PATH.sub(lambda match: f"{_LOOK}({match.group(1)!r})", text.strip())
        return ast.parse(looked, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ExpressionError(f"{text!r:.80} is no expression: {error}") from error


def compute(text: str, state: Document) -> Any:
    """Compute an expression over a state.

    Raises:
        ExpressionError: If it cannot be computed.
    """
    try:
        return _value(read(text), state)
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError, RecursionError, OverflowError) as error:
        raise ExpressionError(f"{text!r:.80} cannot be computed: {error}") from error


def _value(node: ast.expr, state: Document) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return state[name]
        case ast.Attribute(value=inner, attr=name):
            return _value(inner, state)[name]
        case ast.Subscript(value=inner, slice=index):
            return _value(inner, state)[_value(index, state)]
        case ast.List(elts=many) | ast.Tuple(elts=many):
            return [_value(one, state) for one in many]
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_value(key, state): _value(value, state) for key, value in pairs if key is not None}
        case _:
            return _computed(node, state)


def _computed(node: ast.expr, state: Document) -> Any:
    match node:
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, state), _value(right, state))
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left, state), _value(right, state))
        case ast.BoolOp(op=sign, values=values):
            every = [bool(_value(one, state)) for one in values]
            return all(every) if isinstance(sign, ast.And) else any(every)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not _value(inner, state)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, state)
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, state) else other, state)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _called(name, [_value(one, state) for one in arguments], state)
        case _:
            raise ExpressionError(f"{ast.unparse(node):.80} is not allowed in an expression")


def _called(name: str, arguments: list[Any], state: Document) -> Any:
    if name == "is_present":
        try:
            get(state, str(arguments[0]))
        except PathError:
            return False
        return True
    if name == "getattr":
        return state.get(str(arguments[0]), *arguments[1:])
    if name == _LOOK:
        try:
            return get(state, str(arguments[0]))
        except PathError as error:
            raise ExpressionError(str(error)) from error
    if name not in _FUNCTIONS:
        raise ExpressionError(f"there is no function {name!r:.40}")
    return _FUNCTIONS[name](*arguments)
