import json

import pytest

from steering.cli import main
from steering.commands.script import read_script
from steering.core.errors import SteeringError


def written(tmp_path, content):
    path = tmp_path / "steer.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_steps_are_due_by_points_or_seconds(tmp_path):
    steps = [
        {"after_points": 20, "action": {"kind": "pause"}},
        {"after_seconds": 3, "action": {"kind": "resume"}, "basis": "x"},
    ]
    script = read_script(written(tmp_path, {"steps": steps, "agents": {"recentre": "automatic"}}))
    first, second = script.steps
    assert [first.due(19, 99), first.due(20, 0), second.due(99, 2.9), second.due(0, 3)] == [False, True, False, True]
    assert second.proposal == {"action": {"kind": "resume"}, "basis": "x"}
    assert script.agents == {"recentre": "automatic"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        (3, "must hold an object"),
        ({"steps": 3}, "steps must be a list"),
        ([{"after_points": 1}], "step 1: it needs an action"),
        ([{"action": {}}], "say when"),
        ([{"action": {}, "after_points": "x"}], "after_points = 'x' is not a number"),
        ('[{"action": {}, "after_points": NaN}]', "is not a number"),
    ],
)
def test_a_wrong_file_says_where(tmp_path, content, words):
    with pytest.raises(SteeringError, match=words):
        read_script(written(tmp_path, content))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "rocking", "--steer", "/nowhere.json"], "cannot be read"),
        (["run", "rocking", "--set", "exposure=long"], "'long' is not a number"),
        (["compute", "start", "moon"], "There is no 'moon' among the facilities. Installed: "),
        (["serve", "--beamline", "/nowhere.yaml"], "Give --beamline FILE.yaml"),
    ],
)
def test_a_users_mistake_gives_a_sentence_and_no_traceback(arguments, words, capsys):
    assert main(arguments) == 1
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown
