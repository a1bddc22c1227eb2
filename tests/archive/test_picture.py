"""A result as a picture: what is drawn of which arrays, and what cannot be drawn is said."""

import sys

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from steering.archive.export import write_run
from steering.archive.picture import drawable
from steering.archive.run_entry import RunEntry
from steering.core.errors import SteeringError
from steering.core.result import Feature, Outcome, Provenance, Result

ENTRY = RunEntry("0123abcd-5678", scan="rocking", sample="Ni $x^2 pillar", number=7, started=1.7644e9)
FEATURES = {
    "peak": Feature(0.2213, 0.0012, "deg"),
    "count": Feature(3.0, 0.0, "1"),
    "lost": Feature(float("nan"), 1.0, "s"),
}
X = np.linspace(-1, 1, 30)
LAGS = np.geomspace(1e-3, 10.0, 30)


def result(data, features=FEATURES):
    provenance = Provenance(ENTRY.uid, "made", {}, "0", "1", "local", 30, 29, label="made")
    return Result(1, Outcome(features, data), provenance)


def curve():
    values = 1000 * np.exp(-((X / 0.3) ** 2))
    variables = {
        "intensity": ("point", values, {"units": "counts/s"}),
        "intensity_error": ("point", np.sqrt(values + 1)),
        "intensity_fit": ("point", values),
        "th_step": ("point", np.full(30, 0.07)),
    }
    return xr.Dataset(variables, {"th": ("point", X, {"units": "deg"})})


def lines():
    g2 = 1 + 0.3 * np.exp(-LAGS[None] / np.array([[0.01], [0.1], [1.0]]))
    variables = {"g2": (("bin", "lag"), g2), "g2_error": (("bin", "lag"), 0.01 * g2)}
    return xr.Dataset(
        variables, {"lag": ("lag", LAGS, {"units": "s"}), "q": ("bin", [0.01, 0.02, 0.03], {"units": "1/A"})}
    )


def image():
    return xr.Dataset(
        {"object": (("y", "x"), np.outer(X, X), {"units": "rad"})},
        {"y": ("y", X, {"units": "um"}), "x": ("x", X, {"units": "um"})},
    )


def map_of_points():
    y, x = np.meshgrid(X[:6], X[:5], indexing="ij")
    coordinates = {name: ("point", one.ravel(), {"units": "um"}) for name, one in (("sy", y), ("sx", x))}
    measured = {name: ("point", np.arange(30.0)) for name in ("intensity", "phase")}
    steps = {f"{name}_step": ("point", np.full(30, X[1] - X[0])) for name in coordinates}
    return xr.Dataset({**measured, **steps}, coordinates)


@pytest.mark.parametrize(
    ("data", "names"),
    [(curve(), ["intensity"]), (lines(), ["g2"]), (image(), ["object"]), (map_of_points(), ["intensity", "phase"])],
    ids=["curve", "lines", "image", "map"],
)
def test_each_shape_is_drawn_with_what_belongs_to_it(tmp_path, data, names):
    assert drawable(data) == names
    first, second = (write_run(tmp_path, "png", ENTRY, result(data), None) for _ in range(2))
    assert "_rocking_7_Ni" in first.name
    assert first != second, "none that is there is written over"
    with Image.open(first) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 500
        colours = len(set(picture.convert("RGB").resize((200, 200)).getdata()))
        assert "run 0123abcd-5678, made" in picture.info["Description"]
    # Axes, words and what was measured: an empty frame has a handful.
    assert colours > 60


def test_what_a_picture_cannot_show_is_left_out():
    odd = xr.Dataset(
        {
            "words": ("point", np.array(["a"] * 30)),
            "empty": ("point", np.full(30, np.nan)),
            "stack": (("point", "y", "x"), np.ones((30, 2, 2))),
            "bare": ("other", np.ones(4)),
            "one": ((), 3.0),
        },
        {"th": ("point", X)},
    )
    assert drawable(odd) == []
    many = xr.Dataset({f"a{n:02}": ("point", X) for n in range(20)}, {"th": ("point", X)})
    assert drawable(many) == [f"a{n:02}" for n in range(6)]


def test_where_nothing_can_be_drawn_that_is_said_and_no_file_is_left(tmp_path, monkeypatch):
    with pytest.raises(SteeringError, match=r"made has no array that can be drawn\. Export it as nexus"):
        write_run(tmp_path, "png", ENTRY, result(xr.Dataset()), None)
    with pytest.raises(SteeringError, match="has no result yet that can be drawn"):
        write_run(tmp_path, "png", ENTRY, None, xr.Dataset({"th": ("event", X)}))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        SteeringError, match=r'A picture needs matplotlib\. Install it: pip install "steering\[pictures\]"'
    ):
        write_run(tmp_path, "png", ENTRY, result(curve()), None)
    assert list(tmp_path.iterdir()) == []


def test_a_notebooks_own_figures_are_not_touched(tmp_path):
    before = set(sys.modules)
    write_run(tmp_path, "png", ENTRY, result(curve()), None)
    assert "matplotlib.pyplot" not in set(sys.modules) - before
