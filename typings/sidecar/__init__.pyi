from typing import Any

import ipywidgets

class Sidecar(ipywidgets.Output):
    title: str
    anchor: str
    def __init__(self, *, title: str = ..., anchor: str = ..., outputs: tuple[Any, ...] = ...) -> None: ...
