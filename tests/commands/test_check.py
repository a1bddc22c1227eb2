"""What ``steering check`` says of facilities that are described wrongly: each in its line, and all else beside it."""

import pytest

from steering.commands import check as command
from steering.core import registry


@pytest.mark.parametrize(
    ("text", "what", "words"),
    [
        ("steering: [", "facilities", "cannot be read as a description of facilities"),
        ("steering: {sites: {x: {kind: no_such}}}", "facility x", "of the kind 'no_such'. Allowed: globus_compute."),
        ("steering: {sites: {x: {kind: globus_compute, colour: 3}}}", "facility x", "has no setting 'colour'"),
    ],
)
def test_a_facility_that_is_described_wrongly_is_a_line_of_its_own(workspace, monkeypatch, text, what, words):
    # These ask processes, which is not the matter here.
    for name in ("_data", "_service", "_record"):
        monkeypatch.setattr(command, name, lambda *_: command.Finding("x", "x", ready=True))
    workspace.directory.mkdir(parents=True)
    (workspace.directory / "steering.yaml").write_text(text)
    found = command._of_machine(workspace)
    (wrong,) = (one for one in found if one.what == what)
    assert not wrong.ready
    assert words in wrong.detail
    others = [one.what for one in found if one.what.startswith("facility ") and one is not wrong]
    assert others == ([] if what == "facilities" else [f"facility {name}" for name in registry.names("facilities")])
    assert "Python" in [one.what for one in found]
