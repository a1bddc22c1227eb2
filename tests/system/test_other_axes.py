"""A beamline whose axes have names of their own: results, suggestions and labels are of these."""

import numpy as np
import pytest

import steering
from steering.session.session import Session
from tests.beamline.site import embedded, site

pytestmark = pytest.mark.system


def renamed():
    """The embedded beamline with axes eta, x and y, as another beamline calls them."""
    description = embedded()
    motors = description["motors"]
    description["motors"] = {"eta": motors["th"], "x": motors["sx"], "y": motors["sy"]}
    rocking, grid = description["scans"]
    rocking["axis"] = "eta"
    grid["area"] = {"y": [-6.0, 6.0], "x": [-5.0, 5.0]}
    return description


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with site(tmp_path_factory.mktemp("other"), speed=50.0) as place:
        assert place.serve(renamed()), place.log
        opened = steering.open(workspace=place.workspace)
        try:
            opened.take_lease()
            yield opened
        finally:
            opened.shutdown()


def test_a_curve_along_eta_has_its_peak_and_is_steered_to_it(session: Session):
    session.set_mode("recentre", "suggest")
    session.start("rocking", step=0.02, exposure=0.01)
    session.wait(120)
    result = session.board.result.value
    assert result.provenance.parameters["axis"] == "eta"
    assert {"peak", "fwhm", "centre_of_mass"} <= set(result.outcome.features)
    assert result.outcome.features["peak"].units == "deg"
    assert result.outcome.data["eta"].attrs == {"units": "deg", "long_name": "eta"}
    assert abs(result.outcome.features["peak"].value - 0.22) < 0.05
    session.set_mode("recentre", "automatic")
    session.start("rocking", exposure=0.01)
    session.wait(240)
    applied = [ruling.subject for ruling in session.board.rulings.value if ruling.accepted]
    assert "range" in applied
    # A whole scan has 201 points.
    assert session.board.result.value.provenance.frames < 150


def test_a_map_of_x_and_y_is_laid_out_along_these(session: Session):
    session.set_mode("recentre", "off")
    session.start("map", step=2.5, exposure=0.01)
    session.wait(120)
    result = session.board.result.value
    assert result.provenance.parameters["axes"] == ["y", "x"]
    data = result.outcome.data
    assert data["x"].attrs["units"] == data["y"].attrs["units"] == "um"
    assert set(np.round(data["x"].values)) == {-5, -2, 0, 2, 5}
    assert {"x_at_maximum", "y_at_maximum"} <= set(result.outcome.features)
