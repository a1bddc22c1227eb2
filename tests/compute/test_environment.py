"""``steering compute prepare``: the worker environment agrees with this one, or the difference is said."""

import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from steering.compute import environment
from steering.compute.environment import pins, prepare
from steering.compute.site import Site
from steering.compute.versions import PACKAGES, differences, versions
from steering.core.errors import SteeringError

SLURM = Site("slurm", "Slurm cluster", "slurm")


def test_what_this_package_needs_is_pinned_to_what_is_here():
    found = pins()
    assert found["numpy"] == version("numpy")
    assert found["distributed"] == version("distributed")
    # Through others, but none of the extras.
    assert "tornado" in found
    assert "jupyterlab" not in found


def test_the_same_versions_agree_and_others_are_named_with_the_cure():
    assert differences("polaris", {"a": versions(), "b": versions()}) == ""
    other = {**versions(), "numpy": "1.0", "h5py": ""}
    said = differences("polaris", {"a": versions(), "b": other})
    assert f"numpy 1.0 there, {version('numpy')} here" in said
    assert f"h5py missing there, {version('h5py')} here" in said
    assert said.endswith("Run: steering compute prepare polaris.")
    assert differences("x", {"a": {**versions(), "python": f"{sys.version_info[0]}.{sys.version_info[1]}.99"}}) == ""
    assert set(versions()) == {"python", *PACKAGES}


def test_this_pythons_environment_agrees_with_itself():
    said = []
    assert "agrees with this session" in prepare(SLURM, said.append)
    assert "its workers run" in said[0]
    local = prepare(replace(SLURM, name="local", title="This machine", batch="process"), said.append)
    assert local.startswith("This machine needs no environment")


@pytest.mark.parametrize(
    ("python", "sentence"),
    [("/nowhere/python", "There is no Python at /nowhere/python"), ("/bin/false", "/bin/false cannot run steering")],
)
def test_an_environment_that_cannot_run_is_a_sentence(python, sentence):
    with pytest.raises(SteeringError, match=sentence):
        prepare(replace(SLURM, python=python), lambda _: None)


@pytest.mark.parametrize(("numba", "extra"), [(object(), "[fast]"), (None, "")])
def test_the_nodes_get_compiled_sums_if_this_session_has_them(monkeypatch, numba, extra):
    monkeypatch.setattr(environment, "find_spec", lambda _: numba)
    wanted = environment._requirement()
    assert wanted.split("==")[0].endswith(extra)
    assert ("[" in wanted) == bool(extra)


@pytest.mark.system
def test_an_environment_is_built_where_the_nodes_see_it(tmp_path, monkeypatch):
    # Of everything that is needed only one small package, or this test would take minutes: the steps are the real ones.
    monkeypatch.setattr(environment, "_requirement", lambda: "locket")
    monkeypatch.setattr(environment, "_compare", lambda site: None)
    said = []
    site = replace(SLURM, environment=str(tmp_path / "env"), prologue=("export GREETING=hello", "export http_proxy=x"))
    assert prepare(site, said.append) == f"The worker environment in {tmp_path / 'env'} agrees with this session."
    assert said == [f"Building the worker environment in {tmp_path / 'env'} (once, some minutes) ..."]
    (installed,) = Path(tmp_path / "env" / "lib").glob("python3*/site-packages/locket-*")
    assert installed.name == f"locket-{version('locket')}.dist-info"
    prepare(site, said.append)
    assert len(said) == 1


def test_what_cannot_be_built_says_the_last_words(tmp_path):
    site = replace(SLURM, environment=str(tmp_path / "env"), prologue=("echo no such module >&2; false",))
    with pytest.raises(SteeringError, match=r"could not be built \(exit code 1\): no such module"):
        prepare(site, lambda _: None)
