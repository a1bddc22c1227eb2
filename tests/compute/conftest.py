"""A pretend PBS complex, and facilities on it that end however a test ends."""

import pytest

from tests.surroundings import batch_system_around


@pytest.fixture
def pbs(tmp_path):
    """A PBS complex of three whole nodes, its commands first on PATH; no job outlives the test."""
    with batch_system_around("pbs", tmp_path) as replay:
        yield replay
