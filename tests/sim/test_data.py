"""The recorded files that the simulation shows."""

import pooch
import pytest

from steering.core.errors import SteeringError
from steering.sim import data


def test_without_a_connection_the_sentence_says_what_to_do_and_nothing_of_the_libraries(monkeypatch):
    def refuse(*_args, **_options):
        raise ConnectionError("HTTPSConnectionPool(host='x', port=443): Max retries exceeded (Caused by ...)")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    with pytest.raises(SteeringError) as refused:
        data._download(next(iter(data.registry())))
    said = str(refused.value)
    assert "(ConnectionError), and lies in no folder that STEERING_DATA_DIR names. Connect to the internet once" in said
    assert "HTTPSConnectionPool" not in said
