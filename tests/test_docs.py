"""Every snippet of README and docs is true: Python runs, JSON and YAML are read by the code they are meant for."""

import ast
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from steering.beamline.embedded import stop_service
from steering.commands.script import read_script
from steering.core.facility import WholeRuns
from steering.core.workspace import Workspace
from steering.description.description import read_description
from steering.facilities.named import make_facility
from steering.flow_runner.desk import Flows
from tests.processes import left_behind, of_workspace

HERE = Path(__file__).resolve().parents[1]
# What is made from docstrings has signatures, which nobody runs.
MADE = {HERE / "docs" / "reference" / "api.md"}
PAGES = [HERE / "README.md", HERE / "CONTRIBUTING.md", *sorted({*(HERE / "docs").rglob("*.md")} - MADE)]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SNIPPETS = [
    pytest.param(language, text, id=f"{page.relative_to(HERE)}:{page.read_text()[: match.start()].count(chr(10)) + 1}")
    for page in PAGES
    for match in FENCE.finditer(page.read_text(encoding="utf-8"))
    for language, text in [match.groups()]
]


_WHOLE_BEAMLINE = FENCE.search((HERE / "docs/how-to/describe-your-beamline.md").read_text(encoding="utf-8")).group(2)


def of(*languages):
    return [snippet for snippet in SNIPPETS if snippet.values[0] in languages]


def test_no_snippet_is_in_a_language_that_nothing_checks():
    # Text is for drawings; a cell of a notebook is run where its page is tested.
    assert {snippet.values[0] for snippet in SNIPPETS} <= {"python", "json", "yaml", "console", "text", "ipython"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(HERE)))
def test_each_fence_says_its_language(page):
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert all(re.fullmatch(r"\w+", one) for one in fences[::2])
    assert not any(fences[1::2])
    assert len(fences) % 2 == 0


@pytest.mark.parametrize(("language", "text"), of("ipython"))
def test_a_cell_is_python_and_asks_of_a_session_what_it_has(language, text):
    for call in (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Call)):
        named = ast.unparse(call.func).split(".")
        assert named[:2] == ["session", "flows"]
        assert callable(getattr(Flows, named[2]))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """One user's home: as in a real day, the first page starts a beamline and the next find it running."""
    made = tmp_path_factory.mktemp("home")
    yield made
    workspace = Workspace(made)
    processes = of_workspace(workspace)
    stop = [sys.executable, "-m", "steering.cli", "compute", "stop", "local", "--workspace", str(made)]
    subprocess.run(stop, check=True, timeout=60)
    stop_service(workspace)
    assert not left_behind(processes)


@pytest.mark.system
@pytest.mark.parametrize(("language", "text"), of("python"))
def test_python_runs(language, text, home, tmp_path, monkeypatch):
    script = tmp_path / "snippet.py"
    body = "\n".join(f"    {line}" for line in text.splitlines())
    script.write_text(f"def main():\n{body}\n\n\nif __name__ == '__main__':\n    main()\n")
    monkeypatch.setenv("STEERING_HOME", str(home))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("language", "text"), of("json"))
def test_json_is_a_steering_file(language, text, tmp_path):
    (tmp_path / "steer.json").write_text(text)
    assert read_script(tmp_path / "steer.json").steps
    assert json.loads(text)


@pytest.mark.parametrize(("language", "text"), of("yaml"))
def test_yaml_is_a_beamline_or_describes_facilities(language, text, tmp_path):
    content = yaml.safe_load(text)
    if "steering" in content:
        (tmp_path / "steering.yaml").write_text(text)
        for name, section in content["steering"]["sites"].items():
            made = make_facility(name, Workspace(tmp_path))
            site = made.endpoint if isinstance(made, WholeRuns) else made.site
            assert site.directory == section["directory"]
        return
    # What is said of one part is said of the whole file that the page begins with.
    whole = {} if "name" in content else yaml.safe_load(_WHOLE_BEAMLINE)
    for key, value in content.items():
        whole[key] = {**whole[key], **value} if isinstance(whole.get(key), dict) and isinstance(value, dict) else value
    (tmp_path / "beamline.yaml").write_text(text if "name" in content else yaml.safe_dump(whole))
    scan = read_description(tmp_path / "beamline.yaml").scans[0].scan()
    assert scan.axes == (() if scan.own_path else ("th",))


@pytest.mark.parametrize(("language", "text"), of("console"))
def test_commands_exist(language, text):
    known = {"lab", "test", "run", "check", "serve", "compute", "flow", "globus", "stop"}
    for line in text.splitlines():
        program, command, *rest = line.split()
        if program == "python":
            assert (command, find_spec(rest[0]) is not None) == ("-m", True)
            continue
        assert program in ("./steer", "steering")
        assert command in known


def test_the_page_of_the_dashboard_names_each_key_and_each_action():
    page = (HERE / "docs/how-to/use-the-dashboard.md").read_text(encoding="utf-8")
    control, image = (
        (HERE / f"widgets/steering_widgets/{name}.js").read_text(encoding="utf-8")
        for name in ("link/control", "frames/image")
    )
    bar = re.findall(r'Key(\w): "(\w+)"', re.search(r"const KEYS = \{(.*)\};", control).group(1))
    assert len(bar) == 4
    assert [name for key, name in bar if f"| {name.title()} | Alt+Shift+{key} |" not in page] == []
    keys = re.search(r"const keys = \{(.*?)\n  \};", image, re.DOTALL).group(1)
    frame = {key.upper() for key in re.findall(r'(?<=\s)"?([^\s"])"?: ', keys)} - {"="}  # where + lies, without Shift
    assert frame == set("+-0FLP[]")
    assert [key for key in frame if f"`{key}`" not in page] == []


def test_links_lead_somewhere():
    link = re.compile(r"\]\((?!https?://)([^)#]+)")
    missing = [
        f"{page.relative_to(HERE)}: {target}"
        for page in PAGES
        for target in link.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not missing


def test_each_promise_names_a_test_that_is_there():
    page = (HERE / "docs/explanation/faults.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 20
    for file, test in named:
        assert re.search(rf"^(async )?def {test or 'test_'}", (HERE / file).read_text(encoding="utf-8"), re.MULTILINE)
    rows = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| what happens")]
    assert all("`tests/" in row for row in rows)
