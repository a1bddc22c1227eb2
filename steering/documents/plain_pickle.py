"""Reads the plain values of a pickle without running anything in it.

Bluesky's publishers send documents as pickles. ``pickle.loads`` calls whatever a pickle names, so nothing that comes
over a network is given to it. Here a pickle is only read: dictionaries, lists, texts, numbers, and numpy's numbers and
arrays. Any other object is refused by its name, and nothing is imported or called for it.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

import numpy as np

# A document is made of less than so many values.
_MOST = 2_000_000
_KINDS = "biufcSU"


class PlainPickleError(ValueError):
    """A pickle that is damaged, or holds more than plain values."""


@dataclass
class _Name:
    """Something that the pickle would have imported."""

    path: str


@dataclass
class _Array:
    """An array that gets its contents later."""

    made: list[Any] = field(default_factory=list[Any])


@dataclass
class _Dtype:
    """A numpy type that gets its byte order later."""

    code: str
    order: str = "="


def read_pickle(content: bytes) -> Any:
    """Read a pickle of any protocol.

    Args:
        content: Of the pickle.

    Returns:
        Dictionaries, lists, texts, bytes, numbers, truth values and ``None``; arrays as lists.

    Raises:
        PlainPickleError: If it is damaged, or holds anything else.
    """
    reader = _Reader()
    try:
        for code, argument, _ in islice(pickletools.genops(content), _MOST):
            if code.name == "STOP":
                return _Plain().read(reader.stack.pop())
            reader.take(code.name, argument)
    except PlainPickleError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        message = f"it is damaged ({str(error) or type(error).__name__:.80})"
        raise PlainPickleError(message) from error
    message = f"it has no end, or more than {_MOST} parts"
    raise PlainPickleError(message)


class _Reader:
    """A stack of values, as a pickle describes one."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._marks: list[int] = []

    def take(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            self.stack.append(argument)
        elif name in _MADE:
            self.stack.append(_MADE[name]())
        elif name == "MARK":
            self._marks.append(len(self.stack))
        elif name in ("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[len(self._memo) if name == "MEMOIZE" else int(argument)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self._memo[int(argument)])
        elif name not in ("PROTO", "FRAME"):
            self._combine(name, argument)

    def _combine(self, name: str, argument: Any) -> None:
        stack = self.stack
        match name:
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "TUPLE":
                stack.append(tuple(self._marked()))
            case "LIST" | "FROZENSET":
                stack.append(self._marked())
            case "DICT":
                stack.append(_entries(self._marked()))
            case "GLOBAL":
                stack.append(_Name(str(argument).replace(" ", ".")))
            case "STACK_GLOBAL":
                last, module = stack.pop(), stack.pop()
                stack.append(_Name(f"{module}.{last}"))
            case "REDUCE":
                arguments, called = stack.pop(), stack.pop()
                stack.append(_call(called, arguments))
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._marked()
            case _:
                self._fill(name)

    def _fill(self, name: str) -> None:
        """Put what stands on top into what stands below it."""
        items = self._marked() if name in ("APPENDS", "ADDITEMS", "SETITEMS") else [self.stack.pop()]
        match name:
            case "APPEND" | "APPENDS" | "ADDITEMS":
                _list(self.stack[-1]).extend(items)
            case "SETITEM":
                items.insert(0, self.stack.pop())
                _dict(self.stack[-1]).update(_entries(items))
            case "SETITEMS":
                _dict(self.stack[-1]).update(_entries(items))
            case "BUILD":
                _build(self.stack[-1], items[0])
            case _:
                message = f"it has a part of the kind {name}, which no plain value has"
                raise PlainPickleError(message)

    def _marked(self) -> list[Any]:
        """Take what stands above the newest mark."""
        place = self._marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        return items


# The parts of a pickle that are a value themselves, and those that make one.
_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING"),
    *("SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES"),
    *("BINBYTES8", "BYTEARRAY8"),
}
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": list,
}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        message = "items are added to what is no list"
        raise PlainPickleError(message)
    return cast("list[Any]", value)


def _dict(value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        message = "entries are added to what is no dictionary"
        raise PlainPickleError(message)
    return cast("dict[Any, Any]", value)


def _entries(items: list[Any]) -> dict[Any, Any]:
    return dict(zip(map(_key, items[::2]), items[1::2], strict=True))


def _key(value: Any) -> str | int | float | None:
    if isinstance(value, str | int | float) or value is None:
        return value
    message = f"a key of a dictionary is of the type {type(value).__name__}"
    raise PlainPickleError(message)


def _call(called: Any, arguments: Any) -> Any:
    """Do what numpy's own numbers and arrays, bytes of old protocols, and named dictionaries ask for; nothing else."""
    path = called.path if isinstance(called, _Name) else type(called).__name__
    path = path.replace("numpy.core.", "numpy._core.").replace("__builtin__.", "builtins.")
    match path, arguments:
        case "numpy.dtype", (str(code), *_):
            return _Dtype(code)
        case "numpy._core.multiarray.scalar", (_Dtype() as dtype, bytes(content)):
            return _scalars(dtype, content)[0].item()
        case "numpy._core.multiarray._reconstruct", (_Name(path="numpy.ndarray"), *_):
            return _Array()
        case "numpy._core.numeric._frombuffer", (
            bytes() | bytearray() as content,
            _Dtype() as dtype,
            shape,
            str(order),
        ):
            return _Array([shape, dtype, order == "F", bytes(content)])
        case "_codecs.encode", (str(text), "latin1"):
            return text.encode("latin1")
        case "builtins.bytearray" | "builtins.bytes", (bytes(content),):
            return content
        case "builtins.bytearray" | "builtins.bytes", ():
            return b""
        case (("collections.OrderedDict" | "builtins.dict" | "builtins.set" | "builtins.list" as kind), ()):
            return {} if "ict" in kind else []
        case "builtins.set" | "builtins.list" | "builtins.frozenset", (items,) if isinstance(
            cast("object", items), list
        ):
            return cast("list[Any]", items)
        case _:
            message = f"it holds an object of {path!r:.80}, which is no plain value"
            raise PlainPickleError(message)


def _build(made: Any, state: Any) -> None:
    match made, state:
        case _Dtype(), (_, str(order), None, None, None, *_):
            made.order = order
        case _Array(), (_, shape, _Dtype() as dtype, fortran, bytes(content)):
            made.made = [shape, dtype, bool(fortran), content]
        case _:
            message = "it gives a state to what is no plain value"
            raise PlainPickleError(message)


def _scalars(dtype: _Dtype, content: bytes) -> Any:
    kind = np.dtype(f"{dtype.order if dtype.order in '<>' else '='}{dtype.code.lstrip('<>=|')}")
    if kind.kind not in _KINDS:
        message = f"it holds numbers of the type {dtype.code!r:.20}"
        raise PlainPickleError(message)
    return np.frombuffer(content, kind)


class _Plain:
    """Replaces what stands for arrays by lists, everywhere; parts that stand in many places are counted in each."""

    def __init__(self) -> None:
        self._left = _MOST

    def read(self, value: Any) -> Any:
        match value:
            case _Array(made=[shape, dtype, fortran, content]):
                found = _scalars(dtype, content).reshape(shape, order="F" if fortran else "C")
                self._count(found.size)
                return found.tolist()
            case _Array() | _Name() | _Dtype():
                message = "it holds the name of an object, which is no plain value"
                raise PlainPickleError(message)
            case dict():
                entries = cast("dict[Any, Any]", value)
                self._count(len(entries))
                return {key: self.read(one) for key, one in entries.items()}
            case list() | tuple():
                items = cast("list[Any]", value)
                self._count(len(items))
                return [self.read(one) for one in items]
            case _:
                return value

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            message = f"it holds more than {_MOST} values"
            raise PlainPickleError(message)
