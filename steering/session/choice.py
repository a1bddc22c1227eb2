"""Makes the source and the analysis that a person named."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

from steering.core import registry
from steering.core.analysis import Analysis
from steering.core.binding import Binding
from steering.core.binding import make_analysis as make_bound
from steering.core.errors import SteeringError
from steering.core.source import Source
from steering.core.workspace import Workspace

# The beamline's own: fed by the session, which follows it from the beginning.
DOCUMENTS = "documents"


def make_source(
    wanted: str | Source, settings: Mapping[str, Any], workspace: Workspace | None = None
) -> tuple[str, Source]:
    """Make a source.

    Args:
        wanted: Entry-point name, or a source.
        settings: What the source of that name takes.
        workspace: For a source that keeps something, unless the settings name another; the user's own if left out.

    Returns:
        What it is called, and the source.

    Raises:
        SteeringError: If there is none of that name, it does not take these settings, or it cannot be made.
    """
    if not isinstance(wanted, str):
        if settings:
            message = f"A source that is made already takes no settings; these were given: {', '.join(settings)}."
            raise SteeringError(message)
        return type(wanted).__name__, wanted
    if wanted == DOCUMENTS:
        message = "The beamline's documents are followed all the time: session.unfollow() shows them."
        raise SteeringError(message)
    make = registry.load("sources", wanted)
    signature = inspect.signature(make)
    if workspace is not None and "workspace" in signature.parameters:
        settings = {"workspace": workspace, **settings}
    try:
        signature.bind(**settings)
    except TypeError as error:
        taken = ", ".join(_setting(parameter) for parameter in signature.parameters.values())
        message = f"The source {wanted} cannot be followed so: {error}. It takes: {taken}."
        raise SteeringError(message) from error
    try:
        return wanted, cast("Source", make(**settings))
    except (TypeError, ValueError, OSError) as error:
        message = f"The source {wanted} cannot be made of these settings: {error}."
        raise SteeringError(message) from error


def make_analysis(wanted: str | Analysis[Any], axes: Sequence[str] = (), **parameters: Any) -> Analysis[Any]:
    """Make an analysis, or take one that is made.

    Args:
        wanted: Its entry-point name, or an analysis.
        axes: The scan's axes, slow ones first: an analysis of that name that takes ``axis`` or ``axes`` is made for
            these.
        **parameters: What it takes beside them.

    Raises:
        SteeringError: If there is none of that name, or it does not take these parameters or axes.
    """
    if isinstance(wanted, str):
        return make_bound(Binding(wanted, wanted, tuple(axes), parameters))
    if parameters:
        message = f"An analysis that is made already takes no parameters; these were given: {', '.join(parameters)}."
        raise SteeringError(message)
    return wanted


def _setting(parameter: inspect.Parameter) -> str:
    return f"{parameter.name} (needed)" if parameter.default is inspect.Parameter.empty else parameter.name
