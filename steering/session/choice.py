"""Makes the source and the analysis that a person named."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

from steering.core import registry
from steering.core.analysis import Analyses, Analysis
from steering.core.binding import Binding, bindings_of
from steering.core.binding import make_analysis as make_bound
from steering.core.errors import SteeringError
from steering.core.source import Source
from steering.core.workspace import Workspace
from steering.geometry.stands import geometry_of
from steering.own.analysis import own_analysis

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


def make_analysis(
    wanted: Any, axes: Sequence[str] = (), stands: Mapping[str, Any] | None = None, /, **parameters: Any
) -> Analysis[Any]:
    """Make an analysis, or take one that is made.

    Args:
        wanted: Its entry-point name, or what a person wrote (:func:`steering.own.analysis.own_analysis`).
        axes: The scan's axes, slow ones first, for an analysis that takes ``axis`` or ``axes``.
        stands: Geometry of the detector, as JSON, for an analysis that takes it.
        **parameters: What it takes beside them.

    Raises:
        SteeringError: If there is none of that name, or it does not take these parameters or axes.
    """
    if isinstance(wanted, str):
        return make_bound(Binding(wanted, wanted, tuple(axes), parameters, geometry=stands or {}))
    return own_analysis(wanted, **parameters)


def analyses_of(start: Mapping[str, Any], analysis: str, parameters: Mapping[str, Any]) -> tuple[Analyses, str]:
    """Make the analyses of a run of the record, as its scan said or in another way.

    Args:
        start: Its start document.
        analysis: Name of another analysis; those of its scan, of its main detector, if empty.
        parameters: What the other analysis takes.

    Returns:
        Analyses by label, the main one first, and the detector that they look at (empty for the first one).

    Raises:
        SteeringError: If the scan named none, or it does not take these parameters.
    """
    bindings = bindings_of(start)
    detector = bindings[0].detector if bindings else ""
    if analysis:
        axes = bindings[0].axes if bindings else ()
        return {analysis: make_analysis(analysis, axes, geometry_of(start, detector), **parameters)}, detector
    if not bindings:
        message = "The scan of this run named no analysis. Name one, for example analysis='centre_of_mass'."
        raise SteeringError(message)
    return {one.label: make_bound(one) for one in bindings if one.detector == detector}, detector


def _setting(parameter: inspect.Parameter) -> str:
    return f"{parameter.name} (needed)" if parameter.default is inspect.Parameter.empty else parameter.name
