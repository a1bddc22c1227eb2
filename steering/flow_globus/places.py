"""Collections, an endpoint and an index that a flow names: each by its id, or as people call it."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from steering.core.errors import SteeringError
from steering.flow_steps.work import Work
from steering.flows.entries import FlowEntry
from steering.globus.compute import Compute
from steering.globus.login import Login
from steering.globus.search import indexes_named
from steering.globus.transfer import Transfers

_KEY = "globus:places"
_COLLECTIONS = ("source", "destination", "experiment")
_ENDPOINTS = ("compute_endpoint", "queue_endpoint")


def placed(work: Work, flow: FlowEntry, login: Login) -> FlowEntry:
    """Return a flow with ids in place of names. They are written down: each try goes to the same places.

    Raises:
        SteeringError: If none, or several, are called so.
    """
    known: Mapping[str, Any] = work.effects.get(_KEY) or {}
    named = {key: str(getattr(flow.globus, key)) for key in (*_COLLECTIONS, *_ENDPOINTS, "index")}
    wanted = {key: name for key, name in named.items() if name and not _is_id(name)}
    found = {key: str(known[key]) for key in wanted if key in known}
    for key, name in wanted.items():
        if key not in found:
            found[key] = _one(key, name, _ways(login)[key](name))
    if found and not known:
        work.step = ""
        work.did(_KEY, **found)
    return flow.model_copy(update={"globus": flow.globus.model_copy(update=found)})


def _ways(login: Login) -> dict[str, Callable[[str], tuple[str, ...]]]:
    return {
        **dict.fromkeys(_COLLECTIONS, lambda name: Transfers(login).named(name)),
        **dict.fromkeys(_ENDPOINTS, lambda name: Compute(login).named(name)),
        "index": lambda name: indexes_named(login, name),
    }


def _one(key: str, name: str, ids: tuple[str, ...]) -> str:
    if len(ids) != 1:
        many = f"{len(ids)} are: {', '.join(ids[:5])}" if ids else "none that this login may see is"
        raise SteeringError(
            f"{key} is {name!r:.80}, and {many} called so. Write its id (a UUID) under 'globus:' of the flow, and "
            "order the flow anew: remove its folder under 'flows' in the workspace."
        )
    return ids[0]


def _is_id(name: str) -> bool:
    try:
        uuid.UUID(name)
    except ValueError:
        return False
    return True
