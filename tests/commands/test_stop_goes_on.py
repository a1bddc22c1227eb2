"""``steering stop`` ends all that it can, whatever cannot be ended."""

from steering.commands import stop as command
from steering.core.errors import SteeringError


class Ending:
    """Something that can be ended, or cannot."""

    def __init__(self, error=None):
        self.error, self.ended = error, False

    def stop(self):
        if self.error is not None:
            raise self.error
        self.ended = True


def test_what_runs_on_another_host_keeps_nothing_here_from_being_ended(workspace, monkeypatch, capsys):
    gone, last = Ending(ProcessLookupError(3, "No such process")), Ending()

    def elsewhere(_workspace):
        message = "The beamline service runs on login2. Stop it there."
        raise SteeringError(message)

    monkeypatch.setattr(command, "present_service", lambda _: {"pid": 7})
    monkeypatch.setattr(command, "stop_service", elsewhere)
    monkeypatch.setattr(command, "ingests", lambda _: {"one": gone, "two": last})
    monkeypatch.setattr(command, "stop_flows", lambda _: ["keep-1"])
    monkeypatch.setattr(command.registry, "names", lambda _: ())
    assert command.stop(["--workspace", str(workspace.directory)]) == 1
    said = capsys.readouterr().out
    assert last.ended
    assert "Ended the flow run keep-1" in said
    assert said.endswith(
        "The beamline service runs on login2. Stop it there.\n"
        "Something could not be ended: No such process. Try again.\n"
    )
