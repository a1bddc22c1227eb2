import pytest

from steering.core.errors import SteeringError
from steering.session.choice import make_analysis, make_source
from steering.sources.hdf5 import Hdf5Source


def test_a_source_is_made_by_its_name_or_taken_as_it_is(tmp_path):
    name, source = make_source("hdf5", {"path": tmp_path / "a.h5"})
    assert name == "hdf5"
    assert isinstance(source, Hdf5Source)
    assert make_source(source, {}) == ("Hdf5Source", source)
    source.close()


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("camera", {}, r"no 'camera' among the sources. Installed: .*hdf5.*replay"),
        ("hdf5", {"file": "a.h5"}, r"hdf5 cannot be followed so: .*It takes: path \(needed\), dataset, entry, frames"),
        ("replay", {"path": "/nowhere"}, r"no recording at /nowhere"),
        ("pva", {"channel": "X:Y", "policy": "oldest"}, r"policy 'oldest' is not known. Allowed: hold, newest"),
        ("documents", {}, r"session.unfollow\(\) shows them"),
        (object(), {"path": "a"}, r"takes no settings; these were given: path"),
    ],
)
def test_what_cannot_be_made_is_said_in_a_sentence(name, settings, sentence):
    with pytest.raises(SteeringError, match=sentence):
        make_source(name, settings)


def test_an_analysis_is_made_by_its_name_or_taken_as_it_is():
    scalars = make_analysis("scalars")
    assert make_analysis(scalars) is scalars
    assert scalars.result(scalars.empty()).data.sizes["event"] == 0
    with pytest.raises(SteeringError, match="no 'nothing' among the analyses"):
        make_analysis("nothing")


def test_an_analysis_is_made_for_the_axes_of_the_scan():
    assert make_analysis("rocking_curve", ("eta",)).parameters["axis"] == "eta"
    assert make_analysis("map_features", ("y", "x")).parameters["axes"] == ["y", "x"]
    assert make_analysis("centre_of_mass", ("eta",)).parameters == make_analysis("centre_of_mass").parameters
    with pytest.raises(SteeringError, match="map_features does not fit a scan of eta: a map has two different axes"):
        make_analysis("map_features", ("eta",))
