# The part of anywidget that steering_widgets uses; its own types end where ipywidgets begins.

from pathlib import Path

from ipywidgets import DOMWidget

class AnyWidget(DOMWidget):
    _esm: str | Path
    _css: str | Path
