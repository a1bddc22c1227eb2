# The part of ipywidgets 8 that steering_widgets uses; the package itself has no types.

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from traitlets import HasTraits

class Widget(HasTraits):
    comm: Any
    model_id: str
    def __init__(self, **traits: Any) -> None: ...
    def send(self, content: Mapping[str, Any], buffers: Sequence[bytes] | None = None) -> None: ...
    def on_msg(
        self, callback: Callable[[Any, dict[str, Any], list[memoryview]], object], remove: bool = False
    ) -> None: ...
    def send_state(self, key: str | None = None) -> None: ...
    def close(self) -> None: ...
    def _repr_mimebundle_(self, **kwargs: object) -> Any: ...

class Layout(Widget):
    display: str | None

class DOMWidget(Widget):
    layout: Layout
    tooltip: str | None
    def add_class(self, class_name: str, /) -> DOMWidget: ...
    def remove_class(self, class_name: str, /) -> DOMWidget: ...

class Box(DOMWidget):
    children: tuple[Widget, ...]
    def __init__(self, children: Sequence[Widget] = (), **traits: Any) -> None: ...

class VBox(Box): ...
class HBox(Box): ...

class HTML(DOMWidget):
    value: str
    def __init__(self, value: str | None = None, **traits: Any) -> None: ...

class Button(DOMWidget):
    description: str
    disabled: bool
    def on_click(self, callback: Callable[[Button], object], remove: bool = False) -> None: ...
    def click(self) -> None: ...

class Text(DOMWidget):
    value: str
    description: str
    disabled: bool

class Checkbox(DOMWidget):
    value: bool
    description: str
    disabled: bool

class Dropdown(DOMWidget):
    value: str | None
    options: Sequence[str] | Sequence[tuple[str, str]]
    description: str
    disabled: bool

class IntSlider(DOMWidget):
    value: int
    min: int
    max: int
    description: str
    disabled: bool
