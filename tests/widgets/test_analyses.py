"""An analysis is added, changed and removed with a form that is made of its parameters."""

from importlib.metadata import EntryPoint

import pytest

from steering.contract.asked import asked_of
from steering.core import registry
from steering.core.binding import Binding, make_analysis
from steering.core.errors import SteeringError
from steering_widgets.frames.image import ImageView
from steering_widgets.frames.regions import regions_of
from steering_widgets.panels.analyses import AnalysesPanel
from tests.widgets.fake import FakeDesk
from tests.widgets.views import Views, find, text_of


@pytest.fixture
def desk():
    made = FakeDesk()
    made.labelled = True
    made.start("rocking")
    return made


@pytest.fixture
def image():
    return ImageView()


@pytest.fixture
def panel(desk, image):
    desk.advance(5)
    made = AnalysesPanel(desk, image)
    made.refresh()
    yield made
    made.close()


def hook(panel, name):
    return find(panel.widget, f"st-{name}")


def choose(panel, name, value):
    hook(panel, name).value = value
    panel.refresh()


def add(panel):
    hook(panel, "analysis-apply").click()
    panel.refresh()
    panel.refresh()


def test_one_is_added_under_a_label_with_what_was_written(panel, desk):
    choose(panel, "analysis-kind", "centre_of_mass")
    assert hook(panel, "asked-kept").value == "100000"
    assert "Allowed: 1 to 10000000 frames." in hook(panel, "asked-kept").tooltip
    hook(panel, "analysis-label").value = "spot"
    hook(panel, "asked-kept").value = "500"
    hook(panel, "asked-region").value = "10:20, 5:40"
    add(panel)
    region = {"rows": [10, 20], "columns": [5, 40]}
    assert desk.added == [("centre_of_mass", "spot", {"region": region, "kept": 500})]
    assert "spot is made from the first frame on" in text_of(panel.widget)
    assert hook(panel, "analysis-which").options == ("none: add one", "rocking_curve", "spot")


def test_one_that_is_there_is_shown_with_its_parameters_changed_and_removed(panel, desk):
    desk.add_analysis("centre_of_mass", "spot", kept=500, region={"rows": (1, 2), "columns": (3, 4)})
    panel.refresh()
    choose(panel, "analysis-which", "spot")
    assert (hook(panel, "asked-kept").value, hook(panel, "asked-region").value) == ("500", "1:2, 3:4")
    assert hook(panel, "analysis-apply").description == "Apply"
    assert hook(panel, "analysis-label").layout.display == "none"
    hook(panel, "asked-kept").value = "50"
    hook(panel, "asked-region").value = ""
    add(panel)
    assert desk.added[-1] == ("centre_of_mass", "spot", {"kept": 50})
    hook(panel, "analysis-remove").click()
    panel.refresh()
    panel.refresh()
    assert "spot" not in desk.board.results.value
    assert hook(panel, "analysis-which").value == "none: add one"


def test_what_no_field_asks_for_stays_when_the_rest_is_changed(panel, desk):
    crystal = {"lengths": [3.5, 3.5, 3.5]}
    stands = {"shape": [9, 9], "size": [9.0, 9.0], "rotation": [0.0, 0.0, 0.0], "translation": [0.0, 0.0, 9.0]}
    desk.add_analysis(
        "laue", "grains", crystal=crystal, panel=stands, turns=[[0.1, 0.2, 0.3]], axes=["sy", "sx"], search=True
    )
    panel.refresh()
    choose(panel, "analysis-which", "grains")
    assert hook(panel, "asked-search").value == "yes"
    assert hook(panel, "asked-level").value == "no"
    hook(panel, "asked-search").value = "no"
    hook(panel, "asked-threshold").value = "25"
    add(panel)
    name, label, parameters = desk.added[-1]
    assert (name, label) == ("laue", "grains")
    assert (parameters["crystal"]["lengths"], parameters["turns"]) == ([3.5, 3.5, 3.5], [[0.1, 0.2, 0.3]])
    assert (parameters["threshold"], parameters["search"], parameters["level"]) == (25, False, False)
    assert "axes" not in parameters, "those of the scan are given anew"


def test_a_number_that_nobody_has_changed_stays_as_it_was(panel, desk):
    small = {"period": 1.923e-5, "q_low": 0.00123456789, "q_high": 0.1 + 0.2}
    desk.add_analysis("xpcs", "speckle", **small)
    panel.refresh()
    choose(panel, "analysis-which", "speckle")
    hook(panel, "asked-bins").value = "7"
    add(panel)
    assert desk.added[-1][2] == desk.added[-1][2] | small | {"bins": 7}


def test_the_main_one_is_changed_and_not_removed(panel):
    choose(panel, "analysis-which", "rocking_curve")
    assert hook(panel, "analysis-remove").layout.display == "none"
    assert hook(panel, "asked-exposure").value == "exposure"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("kept", "0", "kept = 0 frames is outside the limits. Allowed: 1 to 10000000 frames."),
        ("kept", "2.5", "kept: “2.5” is no whole number."),
        ("kept", "nan", "kept: “nan” is no whole number."),
        ("kept", "many", "kept: “many” is no whole number."),
        ("region", "10-20", "region: “10-20” is no region. Rows and columns in pixels, as 10:20, 5:40"),
        ("masked", "10:20, 5:40; 3", "masked: “3” is no region. Rows and columns in pixels as 10:20, 5:40, the next"),
        ("region", "20:10, 5:40", "the rows run from 20 to 10 px: the first must be below the second"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_added(panel, desk, name, text, said):
    choose(panel, "analysis-kind", "centre_of_mass")
    hook(panel, f"asked-{name}").value = text
    add(panel)
    assert said in text_of(panel.widget)
    assert "centre_of_mass" not in desk.board.results.value


def test_a_region_is_drawn_on_the_frame_and_comes_into_its_field(panel, desk, image):
    choose(panel, "analysis-kind", "centre_of_mass")
    image.show(desk.board.frame.value)
    hook(panel, "analysis-draw").click()
    assert image.drawing
    page = Views(image)
    page.say(kind="drawn", view="1", top=10, bottom=21, left=30, right=41)
    panel.refresh()
    assert not image.drawing
    assert hook(panel, "asked-region").value == "10:21, 30:41"
    # What reaches beyond the frame is nobody's region.
    page.say(kind="drawn", view="1", top=10, bottom=999, left=30, right=41)
    panel.refresh()
    assert hook(panel, "asked-region").value == "10:21, 30:41"


def test_of_several_detectors_one_is_chosen(panel, desk):
    assert hook(panel, "analysis-detector").layout.display == "none"
    desk.board.detectors.set(("det",))
    panel.refresh()
    assert hook(panel, "analysis-detector").layout.display == "none"
    desk.board.detectors.set(("det", "side"))
    panel.refresh()
    assert hook(panel, "analysis-detector").layout.display is None
    choose(panel, "analysis-kind", "centre_of_mass")
    choose(panel, "analysis-detector", "side")
    hook(panel, "analysis-label").value = "spot"
    add(panel)
    assert desk.looked_at[-1] == "side"
    # What is there stays with its detector.
    choose(panel, "analysis-which", "spot")
    assert hook(panel, "analysis-detector").layout.display == "none"
    add(panel)
    assert desk.looked_at[-1] == ""


def test_masks_are_drawn_one_after_another_and_come_into_their_field(panel, desk, image):
    choose(panel, "analysis-kind", "centre_of_mass")
    image.show(desk.board.frame.value)
    page = Views(image)
    for place in ((10, 21, 30, 41), (0, 5, 0, 128)):
        hook(panel, "analysis-mask").click()
        assert image.drawing
        page.say(kind="drawn", view="1", **dict(zip(("top", "bottom", "left", "right"), place, strict=True)))
        panel.refresh()
    assert hook(panel, "asked-masked").value == "10:21, 30:41; 0:5, 0:128"
    assert hook(panel, "asked-region").value == ""
    hook(panel, "analysis-label").value = "spot"
    add(panel)
    masked = [{"rows": [10, 21], "columns": [30, 41]}, {"rows": [0, 5], "columns": [0, 128]}]
    assert desk.added[-1][2]["masked"] == masked
    panel.refresh()
    choose(panel, "analysis-which", "spot")
    assert hook(panel, "asked-masked").value == "10:21, 30:41; 0:5, 0:128"


def test_before_the_first_result_nothing_can_be_added(desk, image):
    panel = AnalysesPanel(desk, image)
    panel.refresh()
    assert hook(panel, "analysis-apply").disabled
    desk.advance(5)
    panel.refresh()
    assert not hook(panel, "analysis-apply").disabled
    panel.close()


def test_what_analyses_use_is_outlined_on_the_frame_and_what_is_written_is_a_draft(panel, desk, image):
    assert image.regions == []
    choose(panel, "analysis-kind", "centre_of_mass")
    hook(panel, "analysis-label").value = "spot"
    hook(panel, "asked-region").value = "10:20, 5:40"
    hook(panel, "asked-masked").value = "0:5, 0:128; 7:8, 1:2"
    panel.refresh()
    told = [(one["name"], one["rows"], one["masked"], one["draft"]) for one in image.regions]
    used = [("spot", [10, 20], False), ("spot: left out", [0, 5], True), ("spot: left out", [7, 8], True)]
    assert sorted(told) == sorted((*one, True) for one in used)
    add(panel)
    told = [(one["name"], one["rows"], one["masked"], one["draft"]) for one in image.regions]
    assert sorted(told) == sorted((*one, False) for one in used), "once it is used it is no draft, and stands once"
    # What cannot be read is said when it is applied, and outlines nothing until then.
    hook(panel, "asked-masked").value = ""
    hook(panel, "asked-region").value = "here"
    panel.refresh()
    assert [one["draft"] for one in image.regions] == [False] * 3
    desk.remove_analysis("spot")
    panel.refresh()
    assert image.regions == []


@pytest.mark.parametrize(
    "value", [3, [3], {"rows": [1, 2]}, {"rows": ["a", 2], "columns": [1, 2]}, {"rows": [1], "columns": [1]}]
)
def test_a_region_that_cannot_be_read_is_left_out(value):
    asked = asked_of("centre_of_mass")
    assert regions_of("spot", asked, {"region": value}) == []


def test_one_without_the_packages_that_it_needs_is_listed_with_what_to_install(desk, image, monkeypatch, request):
    lacking = EntryPoint("denoise", "no_such_module_anywhere:Denoise [gpu]", "steering.analyses")
    broken = EntryPoint("broken", "tests.widgets.test_analyses:broken", "steering.analyses")
    points = registry._points
    monkeypatch.setattr(
        registry, "_points", lambda door: (*points(door), *((lacking, broken) if door == "analyses" else ()))
    )
    desk.advance(5)
    panel = AnalysesPanel(desk, image)
    request.addfinalizer(panel.close)
    panel.refresh()
    assert {"centre_of_mass", "denoise", "broken"} <= set(hook(panel, "analysis-kind").options)
    choose(panel, "analysis-kind", "denoise")
    panel.refresh()
    said = text_of(panel.widget)
    assert "denoise needs what is not installed (No module named" in said
    assert "pip install" in said
    assert "[gpu]" in said
    assert hook(panel, "analysis-apply").disabled
    choose(panel, "analysis-kind", "broken")
    panel.refresh()
    assert "broken cannot be loaded: " in text_of(panel.widget)
    choose(panel, "analysis-kind", "centre_of_mass")
    panel.refresh()
    assert "installed" not in text_of(panel.widget)
    assert not hook(panel, "analysis-apply").disabled
    with pytest.raises(SteeringError, match="Install it: pip install"):
        make_analysis(Binding("x", "denoise"))


def broken():
    raise AssertionError


broken.Parameters = 3


def test_whatever_the_desk_raises_is_said(panel, desk):
    def broken(*_, **__):
        raise OSError("the scheduler has gone")

    desk.add_analysis = broken
    choose(panel, "analysis-kind", "centre_of_mass")
    add(panel)
    assert "This could not be done: the scheduler has gone (os error)." in text_of(panel.widget)
