"""A start document names its analyses and agents; whatever else stands there is none."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.binding import AgentBinding, Binding, agents_of, bindings_of, make_agent, make_analysis
from steering.core.errors import SteeringError

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda some: st.lists(some) | st.dictionaries(st.text(), some)
)


def test_what_a_start_document_names_is_read():
    start = {
        "axes": ["y", "x"],
        "analyses": [
            {"analysis": "map_features"},
            {"label": "spot", "analysis": "centre_of_mass", "axes": ["x"], "parameters": {"kept": 5}},
        ],
        "agents": [{"agent": "recentre", "of": "spot"}],
    }
    assert bindings_of(start) == (
        Binding("map_features", "map_features", ("y", "x")),
        Binding("spot", "centre_of_mass", ("x",), {"kept": 5}),
    )
    assert agents_of(start) == (AgentBinding("recentre", "recentre", "spot"),)


def test_a_run_of_before_there_were_several_has_one():
    assert bindings_of({"analysis": "rocking_curve", "axes": ["eta"]}) == (
        Binding("rocking_curve", "rocking_curve", ("eta",)),
    )


@given(analyses=ANYTHING, agents=ANYTHING, axes=ANYTHING, analysis=ANYTHING)
def test_what_is_no_binding_is_none(analyses, agents, axes, analysis):
    start = {"analyses": analyses, "agents": agents, "axes": axes, "analysis": analysis}
    found = bindings_of(start)
    assert all(isinstance(one.label, str) and isinstance(one.analysis, str) for one in found)
    assert all(isinstance(one.agent, str) for one in agents_of(start))


@pytest.mark.parametrize(
    ("binding", "sentence"),
    [
        (Binding("a", "nothing"), "There is no 'nothing' among the analyses. Installed: "),
        (Binding("a", "centre_of_mass", (), {"keep": 1}), "has no parameter 'keep'. It takes: kept, region, masked."),
        (Binding("a", "centre_of_mass", (), {"kept": "many"}), "The analysis centre_of_mass does not fit a scan: "),
        (Binding("a", "map_features", ("eta",)), "does not fit a scan of eta: a map has two different axes"),
    ],
)
def test_what_cannot_be_made_is_a_sentence(binding, sentence):
    with pytest.raises(SteeringError) as raised:
        make_analysis(binding)
    assert sentence in str(raised.value)


def test_axes_are_given_to_what_takes_them_unless_the_parameters_say_otherwise():
    assert make_analysis(Binding("a", "rocking_curve", ("y", "x"))).parameters["axis"] == "x"
    assert make_analysis(Binding("a", "rocking_curve", ("y", "x"), {"axis": "y"})).parameters["axis"] == "y"
    assert make_analysis(Binding("a", "map_features", ("y", "x"))).parameters["axes"] == ["y", "x"]
    assert make_agent(AgentBinding("a", "recentre", "", {"widths": 4})).name == "recentre"


class Standing:
    """An analysis that asks where its detector stands."""

    name, exactness, parameters = "standing", "bitwise", {}

    def __init__(self, geometry=None):
        self.geometry = geometry


def test_a_geometry_is_given_to_what_takes_it_unless_its_parameters_say_another(monkeypatch):
    monkeypatch.setattr("steering.core.registry.load", lambda door, name: Standing)
    start = {
        "analyses": [{"analysis": "standing"}, {"analysis": "standing", "label": "b", "detector": "waxs"}],
        "geometry": {"det": {"distance": 4.0}, "waxs": {"distance": 0.2}},
    }
    main, other = bindings_of(start)
    assert (make_analysis(main).geometry, make_analysis(other).geometry) == ({"distance": 4.0}, {"distance": 0.2})
    assert make_analysis(replace(main, parameters={"geometry": {"distance": 1.0}})).geometry == {"distance": 1.0}
    assert "geometry" not in main.json()
    assert bindings_of({**start, "geometry": [1]})[0].geometry == {}
