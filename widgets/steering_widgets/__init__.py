"""Panels for whoever steers a running scan from JupyterLab.

``Dashboard(session)`` shows all of them; each panel also stands alone. Plots load slowly (Bokeh, pandas), so nothing of
them is imported before it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steering_widgets.frames.frame import FramePanel
    from steering_widgets.frames.image import ImageView
    from steering_widgets.link.control import ControlBar
    from steering_widgets.pages.dashboard import Dashboard
    from steering_widgets.panels.agents import AgentsPanel
    from steering_widgets.panels.compute import ComputePanel
    from steering_widgets.panels.form import SteeringForm
    from steering_widgets.panels.instrument import InstrumentPanel
    from steering_widgets.panels.journal import JournalPanel
    from steering_widgets.panels.progress import ProgressPanel
    from steering_widgets.panels.source import SourcePanel
    from steering_widgets.plots.curve import CurvePanel
    from steering_widgets.plots.map import MapPanel
    from steering_widgets.plots.scalars import ScalarsPanel
    from steering_widgets.plots.trend import TrendPanel
    from steering_widgets.runs.panel import RunsPanel

_MODULES = {
    "AgentsPanel": "steering_widgets.panels.agents",
    "ComputePanel": "steering_widgets.panels.compute",
    "ControlBar": "steering_widgets.link.control",
    "CurvePanel": "steering_widgets.plots.curve",
    "Dashboard": "steering_widgets.pages.dashboard",
    "SteeringForm": "steering_widgets.panels.form",
    "FramePanel": "steering_widgets.frames.frame",
    "ImageView": "steering_widgets.frames.image",
    "InstrumentPanel": "steering_widgets.panels.instrument",
    "JournalPanel": "steering_widgets.panels.journal",
    "MapPanel": "steering_widgets.plots.map",
    "ProgressPanel": "steering_widgets.panels.progress",
    "RunsPanel": "steering_widgets.runs.panel",
    "ScalarsPanel": "steering_widgets.plots.scalars",
    "SourcePanel": "steering_widgets.panels.source",
    "TrendPanel": "steering_widgets.plots.trend",
}

__all__ = [
    "AgentsPanel",
    "ComputePanel",
    "ControlBar",
    "CurvePanel",
    "Dashboard",
    "FramePanel",
    "ImageView",
    "InstrumentPanel",
    "JournalPanel",
    "MapPanel",
    "ProgressPanel",
    "RunsPanel",
    "ScalarsPanel",
    "SourcePanel",
    "SteeringForm",
    "TrendPanel",
]


def __dir__() -> list[str]:
    """Name what there is, also what is imported only when it is asked for."""
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import a panel when it is asked for."""
    if name not in _MODULES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_MODULES[name]), name)
