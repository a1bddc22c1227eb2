"""A pretend PBS complex, and facilities that end however a test ends."""

import pytest

from tests.compute.pbs import PbsComplex


@pytest.fixture
def pbs(tmp_path, monkeypatch):
    """A PBS complex of three whole nodes, its commands first on PATH; no job outlives the test."""
    complex_ = PbsComplex(tmp_path / "pbs").start()
    for name, value in complex_.environment.items():
        monkeypatch.setenv(name, value)
    yield complex_
    complex_.stop()
