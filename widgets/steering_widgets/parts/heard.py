"""Widgets of ours hear the kernel on a busy page too.

anywidget (as of 0.11) gives a model two seconds to load its code. A page that joins a kernel with a hundred
widgets may need longer; the views are then drawn all the same, but for the rest of the page's life each message of the
kernel to that model is refused: plots stay empty, frames stop. So the code of each widget begins with `heard.js`, whose
`beHeard` each view calls first. The kernel hears the page, too: see `shells`.
"""

from pathlib import Path
from typing import Any
from uuid import uuid4

import anywidget
import traitlets

from steering_widgets.parts.shells import take_where_sent

_HEARD = Path(__file__).with_name("heard.js")
NUMBERS_CODE = Path(__file__).with_name("numbers.js")


def code(*files: Path) -> str:
    """Read a widget's code, with what makes it heard."""
    return "\n".join(file.read_text(encoding="utf-8") for file in (_HEARD, *files))


class HeardWidget(anywidget.AnyWidget):
    """A widget whose views first see to it that its model is heard.

    Attributes:
        key: The model's id, by which a view finds it.
    """

    key = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        """Open the model under an id that is known before.

        Args:
            traits: Values of the widget's traits.
        """
        take_where_sent()
        key = uuid4().hex
        super().__init__(model_id=key, key=key, **traits)
