"""A flow that was changed after it was ordered for a run: what is other, and what to do."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from steering.flow_steps.flow_journal import FlowJournal

if TYPE_CHECKING:
    from steering.flows.entries import FlowEntry

# So many differences are told, each value in so many characters.
_MOST, _LONGEST = 5, 40
_NOTHING = object()


class FlowChangedWarning(UserWarning):
    """A flow run is done as its flow was when it was ordered, and the flow is another one now."""


def changed_since(journal: FlowJournal, flow: "FlowEntry | None") -> str:
    """Say what is other in a flow than when it was ordered; nothing if it is as it was then.

    Args:
        journal: Of the flow run.
        flow: As it stands in the beamline's file now; nothing if it does not stand there any more.

    Raises:
        SteeringError: If the journal cannot be read.
    """
    was: Any = journal.folded.order.get("entry")
    if flow is None or not isinstance(was, dict):
        return ""
    now = flow.model_dump(mode="json")
    found = list(_differences(_filled(cast("dict[str, Any]", was), now, flow), now))
    if not found:
        return ""
    told = "; ".join(found[:_MOST]) + (f"; and {len(found) - _MOST} more" if len(found) > _MOST else "")
    return (
        f"The flow run {journal.id} was ordered before this flow was changed, and is done as the flow was then "
        f"({told}). To have it done as the flow is now, give the flow another name, or remove {journal.folder} and run "
        "it again: what that has copied and catalogued stays."
    )


def _filled(was: Mapping[str, Any], now: Mapping[str, Any], flow: "FlowEntry") -> Mapping[str, Any]:
    """Return what was written down with what later versions take for granted, if this one can read it."""
    try:
        return type(flow).model_validate(was).model_dump(mode="json") if was != now else was
    except ValueError:
        return was


def _differences(was: Any, now: Any, at: str = "") -> Iterator[str]:
    if isinstance(was, dict) and isinstance(now, dict):
        old, new = cast("dict[str, Any]", was), cast("dict[str, Any]", now)
        for key in dict.fromkeys((*old, *new)):
            yield from _differences(old.get(key, _NOTHING), new.get(key, _NOTHING), f"{at}.{key}" if at else key)
    elif was != now:
        yield f"{at} was {_shown(was)} and is {_shown(now)}"


def _shown(value: Any) -> str:
    if value in (None, "") or value is _NOTHING:
        return "left out"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
