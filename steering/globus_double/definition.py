"""The rules of a flow's definition, as Globus published them, and what a definition does against them."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from steering.globus_double.choices import JOINED, RULES, is_value
from steering.globus_double.expressions import ExpressionError, read
from steering.globus_double.paths import PathError, steps
from steering.globus_double_data.call import Document

_END = {"Next", "End"}
_DATA = {"InputPath", "Parameters", "ResultPath"}
_WAITS = {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}
_LONGEST_WAIT = 31_536_000
# By type: what a state may have besides Type and Comment, and what it must have.
_STATES: dict[str, tuple[set[str], set[str]]] = {
    "Action": (
        {"ActionUrl", "ActionScope", "RunAs", "ExceptionOnActionFailure", "WaitTime", "Catch", *_DATA, *_END},
        {"ActionUrl"},
    ),
    "Pass": ({"Result", *_DATA, *_END}, set()),
    "Choice": ({"Choices", "Default"}, {"Choices"}),
    "Wait": ({*_WAITS, "Next"}, {"Next"}),
    "ExpressionEval": ({"Parameters", "ResultPath", "Next"}, {"Parameters", "ResultPath", "Next"}),
    "Fail": ({"Error", "Cause"}, set()),
}
_TOP = {"Comment", "StartAt", "States"}
# What the value of a key must be, wherever it stands.
_TYPES: dict[str, tuple[type, str]] = {
    **dict.fromkeys(("Comment", "StartAt", "Next", "Default", "Error", "Cause"), (str, "string")),
    **dict.fromkeys(("ActionUrl", "ActionScope", "RunAs", "Timestamp"), (str, "string")),
    **dict.fromkeys(("InputPath", "ResultPath", "SecondsPath", "TimestampPath", "Variable"), (str, "string")),
    **dict.fromkeys(("End", "ExceptionOnActionFailure"), (bool, "boolean")),
    **dict.fromkeys(("Parameters", "Result", "States"), (dict, "dictionary")),
    **dict.fromkeys(("Choices", "Catch"), (list, "list")),
}
_CATCH = {"ErrorEquals", "Next", "ResultPath"}
Problem = tuple[list[str | int], str]


def problems(definition: Document) -> list[Problem]:
    """List what is wrong with a definition: where, and what."""
    found: list[Problem] = [([name], "Extra inputs are not permitted") for name in sorted(set(definition) - _TOP)]
    found += [(where, words) for where, words in _of_types(definition)]
    given: Any = definition.get("States")
    if not isinstance(given, dict) or not given:
        return [*found, (["States"], "A flow needs at least one state")]
    states = cast("dict[str, Any]", given)
    if not _named(definition.get("StartAt"), states):
        found.append((["StartAt"], f"{definition.get('StartAt')!r:.80} is no state"))
    for name, state in states.items():
        if not name:
            found.append((["States", name], "A state has a name"))
        known = cast("Document", state) if isinstance(state, dict) else {}
        found += [(["States", name, *where], words) for where, words in _of_state(known, states)]
    return found


def _of_state(state: Document, states: Mapping[str, Any]) -> Iterator[Problem]:
    kind = str(state.get("Type"))
    if kind not in _STATES:
        yield ["Type"], f"{kind!r:.40} is no type of a state: {', '.join(_STATES)}"
        return
    allowed, needed = _STATES[kind]
    for name in sorted(set(state) - allowed - {"Type", "Comment"}):
        yield [name], "Extra inputs are not permitted"
    for name in sorted(needed - set(state)):
        yield [name], "Field required"
    yield from _of_types(state)
    if allowed >= _END and (("Next" in state) == ("End" in state) or state.get("End", True) is not True):
        yield ["Next"], "A state has either Next or End"
    for where, target in _targets(state):
        if not _named(target, states):
            yield where, f"{target!r:.80} is no state"
    yield from _of_paths(state)
    yield from _of_parameters(state.get("Parameters"), ["Parameters"])
    yield from _OF_KIND.get(kind, _nothing)(state)


def _of_types(given: Document) -> Iterator[Problem]:
    for name, value in given.items():
        kind, words = _TYPES.get(name, (object, ""))
        if not isinstance(value, kind):
            yield [name], f"Input should be a valid {words}"


def _named(target: Any, states: Mapping[str, Any]) -> bool:
    return isinstance(target, str) and target in states


def _targets(state: Document) -> Iterator[tuple[list[str | int], Any]]:
    for name in ("Next", "Default"):
        if name in state:
            yield [name], state[name]
    for name in ("Choices", "Catch"):
        for place, one in enumerate(_documents(state.get(name))):
            yield [name, place, "Next"], one.get("Next")


def _of_paths(state: Document) -> Iterator[Problem]:
    for name in ("InputPath", "ResultPath", "SecondsPath", "TimestampPath"):
        if name in state:
            yield from _of_path(state[name], [name])


def _of_path(path: Any, where: list[str | int]) -> Iterator[Problem]:
    try:
        steps(str(path))
    except PathError as error:
        yield where, str(error)


def _of_parameters(given: Any, where: list[str | int]) -> Iterator[Problem]:
    if isinstance(given, list):
        for place, one in enumerate(cast("list[Any]", given)):
            yield from _of_parameters(one, [*where, place])
    elif isinstance(given, dict):
        for name, value in cast("Document", given).items():
            if name.endswith(".$"):
                yield from _of_path(value, [*where, name])
            elif name.endswith(".="):
                try:
                    read(str(value))
                except ExpressionError as error:
                    yield [*where, name], str(error)
            else:
                yield from _of_parameters(value, [*where, name])


def _of_action(state: Document) -> Iterator[Problem]:
    if ("Parameters" in state) == ("InputPath" in state):
        yield ["Parameters"], "An action has either Parameters or InputPath"
    if not str(state.get("ActionUrl")).startswith("https://"):
        yield ["ActionUrl"], f"{state.get('ActionUrl')!r:.80} is no URL"
    if "ActionScope" in state and not str(state["ActionScope"]).startswith(("https://", "urn:")):
        yield ["ActionScope"], f"{state['ActionScope']!r:.80} is no URI"
    wait = state.get("WaitTime", 1)
    if not isinstance(wait, int) or isinstance(wait, bool) or wait < 1:
        yield ["WaitTime"], f"{wait!r:.40} is no number of seconds"
    if not isinstance(state.get("Catch", [{}]), list) or state.get("Catch") == []:
        yield ["Catch"], "A catch needs at least one rule"
    for place, one in enumerate(_documents(state.get("Catch"))):
        yield from _of_catch(one, ["Catch", place])


def _of_catch(rule: Document, where: list[str | int]) -> Iterator[Problem]:
    for name in sorted(set(rule) - _CATCH):
        yield [*where, name], "Extra inputs are not permitted"
    for inner, words in _of_types(rule):
        yield [*where, *inner], words
    if "ResultPath" in rule:
        yield from _of_path(rule["ResultPath"], [*where, "ResultPath"])
    errors: Any = rule.get("ErrorEquals")
    if not isinstance(errors, list) or not errors:
        yield [*where, "ErrorEquals"], "Field required"
        return
    named = cast("list[Any]", errors)
    if not all(isinstance(one, str) for one in named) or len(set(map(str, named))) != len(named):
        yield [*where, "ErrorEquals"], "Input should be names of errors, each once"


def _of_choice(state: Document) -> Iterator[Problem]:
    rules = _documents(state.get("Choices"))
    if not rules:
        yield ["Choices"], "A choice needs at least one rule"
    for place, rule in enumerate(rules):
        if "Next" not in rule:
            yield ["Choices", place, "Next"], "Field required"
        yield from _of_rule({name: value for name, value in rule.items() if name != "Next"}, ["Choices", place])


def _of_rule(rule: Document, where: list[str | int]) -> Iterator[Problem]:
    named = [name for name in rule if name in RULES]
    if len(named) != 1 or set(rule) - {*named, "Variable", "Comment"}:
        yield where, "A rule has one comparison"
        return
    inner: Any = rule[named[0]]
    if "Comment" in rule and not isinstance(rule["Comment"], str):
        yield [*where, "Comment"], "Input should be a valid string"
    if named[0] in JOINED:
        if isinstance(inner, list) == (named[0] == "Not") or not inner:
            yield [*where, named[0]], "And and Or have a list of rules, Not has one"
        for place, one in enumerate(_documents(inner if isinstance(inner, list) else [inner])):
            yield from _of_rule(one, [*where, named[0], place])
        return
    yield from _of_path(rule.get("Variable"), [*where, "Variable"])
    if named[0].endswith("Path"):
        yield from _of_path(inner, [*where, named[0]])
    elif not is_value(named[0], inner):
        yield [*where, named[0]], f"{inner!r:.40} is nothing that {named[0]} compares with"


def _of_wait(state: Document) -> Iterator[Problem]:
    if len(_WAITS & set(state)) != 1:
        yield ["Seconds"], f"A wait has one of {', '.join(sorted(_WAITS))}"
    seconds = state.get("Seconds", 0)
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= _LONGEST_WAIT:
        yield ["Seconds"], f"{seconds!r:.40} is no number of seconds up to {_LONGEST_WAIT}"
    if "Timestamp" in state and not is_value("TimestampEquals", state["Timestamp"]):
        yield ["Timestamp"], f"{state['Timestamp']!r:.40} is no date and time"


def _nothing(_: Document) -> Iterator[Problem]:
    yield from ()


_OF_KIND = {"Action": _of_action, "Choice": _of_choice, "Wait": _of_wait}


def _documents(given: Any) -> list[Document]:
    listed = cast("list[Any]", given) if isinstance(given, list) else []
    return [cast("Document", one) if isinstance(one, dict) else {} for one in listed]
