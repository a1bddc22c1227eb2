"""What plots are written in is there in every browser: it ends with a family that each has."""

import pytest
from bokeh.models import Axis, ColorBar, Legend

from steering_widgets.drawing.plot import FONT
from steering_widgets.plots.array import ArrayPanel
from steering_widgets.plots.curve import CurvePanel
from steering_widgets.plots.look import Look
from steering_widgets.plots.map import MapPanel
from tests.widgets.fake import FakeDesk

WRITTEN = {
    Axis: ("axis_label_text_font", "major_label_text_font"),
    ColorBar: ("title_text_font", "major_label_text_font"),
    Legend: ("label_text_font",),
}


@pytest.mark.parametrize("panel", [CurvePanel, MapPanel, ArrayPanel])
def test_all_words_of_a_plot_have_it(panel):
    desk = FakeDesk()
    made = panel(desk, Look(desk))
    fonts = [
        getattr(model, name)
        for kind, names in WRITTEN.items()
        for model in made.view._document.models
        if isinstance(model, kind)
        for name in names
    ]
    assert fonts
    assert set(fonts) == {FONT}
    assert FONT.endswith("sans-serif")
    made.close()
