"""Panels for whoever steers a running scan from JupyterLab.

``Dashboard(session)`` shows all of them; each panel also stands alone.
"""

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
