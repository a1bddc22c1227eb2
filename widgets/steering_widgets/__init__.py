"""Panels for whoever steers a running scan from JupyterLab.

``Dashboard(session)`` shows all of them; each panel also stands alone. Plots load slowly (Bokeh, pandas), so nothing of
them is imported before it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steering_widgets.compute import ComputePanel
    from steering_widgets.control import ControlBar
    from steering_widgets.curve import CurvePanel
    from steering_widgets.dashboard import Dashboard
    from steering_widgets.form import SteeringForm
    from steering_widgets.frame import FramePanel
    from steering_widgets.image import ImageView
    from steering_widgets.journal import JournalPanel
    from steering_widgets.map import MapPanel
    from steering_widgets.progress import ProgressPanel
    from steering_widgets.scalars import ScalarsPanel
    from steering_widgets.source import SourcePanel
    from steering_widgets.trend import TrendPanel

_MODULES = {
    "ComputePanel": "steering_widgets.compute",
    "ControlBar": "steering_widgets.control",
    "CurvePanel": "steering_widgets.curve",
    "Dashboard": "steering_widgets.dashboard",
    "SteeringForm": "steering_widgets.form",
    "FramePanel": "steering_widgets.frame",
    "ImageView": "steering_widgets.image",
    "JournalPanel": "steering_widgets.journal",
    "MapPanel": "steering_widgets.map",
    "ProgressPanel": "steering_widgets.progress",
    "ScalarsPanel": "steering_widgets.scalars",
    "SourcePanel": "steering_widgets.source",
    "TrendPanel": "steering_widgets.trend",
}

__all__ = [
    "ComputePanel",
    "ControlBar",
    "CurvePanel",
    "Dashboard",
    "FramePanel",
    "ImageView",
    "JournalPanel",
    "MapPanel",
    "ProgressPanel",
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
