"""A flow of one step, which nobody wrote down: it analyses a finished run anew."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from pydantic import ValidationError

from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.facilities.named import facility_names
from steering.flows.entries import FlowEntry
from steering.flows.templates import plain_name

# What a flow run is called tells one choice of parameters from another by so many digits.
_DIGITS = 8
# And has so many characters of the labels, each of four bytes at most: a name has 255 bytes.
_LONGEST = 50


def analysis_flow(
    analyses: Sequence[str | Mapping[str, Any]], facility: str, workspace: Workspace
) -> tuple[str, FlowEntry]:
    """Make such a flow.

    Args:
        analyses: Names, or entries with parameters.
        facility: Where.
        workspace: Whose facilities may be named.

    Returns:
        What it is called, the same for the same analyses on the same facility, and the flow.

    Raises:
        SteeringError: If there is no such analysis or facility.
    """
    known = facility_names(workspace)
    if facility not in known:
        raise SteeringError(f"There is no facility {facility!r:.60}. Allowed: {', '.join(known)}.")
    named = [str(one.get("analysis")) if isinstance(one, Mapping) else str(one) for one in analyses]
    for name in named:
        if name not in registry.names("analyses"):
            raise SteeringError(f"There is no analysis {name!r:.60}. Allowed: {', '.join(registry.names('analyses'))}.")
    step = {"facility": facility, "analyses": list(analyses)}
    try:
        entry = FlowEntry.model_validate({"title": "Analysed anew", "steps": {"compute": step}})
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        where = ".".join(str(one) for one in wrong["loc"][3:]) or "it"
        raise SteeringError(f"The analysis cannot be asked for: {where}: {wrong['msg']}. Put that right.") from error
    digits = sha256(json.dumps(entry.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()[:_DIGITS]
    # It is the name of a folder, in which labels may be anything; the digits tell whatever is left out of them.
    labels = plain_name("_".join(entry.labels))[:_LONGEST]
    return f"analyse_{labels or 'as_measured'}_{digits}", entry
