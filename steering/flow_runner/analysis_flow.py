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

# What a flow run is called tells one choice of parameters from another by so many digits.
_DIGITS = 8


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
    named = [one if isinstance(one, str) else str(one.get("analysis")) for one in analyses]
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
    return f"analyse_{'_'.join(entry.labels) or 'as_measured'}_{digits}"[:100], entry
