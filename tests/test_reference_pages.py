"""The pages of the reference that are made are what the code says."""

import difflib
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "reference"))
import commands  # noqa: E402  (pages are made by a script, whose folder it looks into)
import make_pages  # noqa: E402


@pytest.mark.parametrize("name", make_pages.PAGES)
def test_the_page_is_up_to_date(name):
    written, made = (make_pages.HERE / name).read_text(encoding="utf-8"), make_pages.PAGES[name]()
    changed = "\n".join(difflib.unified_diff(written.splitlines(), made.splitlines(), lineterm="", n=0))
    assert not changed, f"run: python docs/reference/make_pages.py\n{changed}"


@pytest.mark.parametrize("name", make_pages.PAGES)
def test_each_row_says_what_it_means(name):
    page = (make_pages.HERE / name).read_text(encoding="utf-8")
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) > 20
    # Of what is shipped nothing stands where the default does.
    assert [row for row in rows if not row[-1].strip() and len(row) == 4] == []
    assert not any("object at 0x" in cell or "<class" in cell for row in rows for cell in row)


def test_each_option_of_each_command_is_on_the_page_of_the_command_line():
    page = (make_pages.HERE / "command-line.md").read_text(encoding="utf-8")
    parsers = commands.parsers()
    assert {"lab", "run", "serve", "compute", "flow", "globus", "check", "stop"} <= set(parsers)
    for name, parser in parsers.items():
        for word, one in {"": parser, **commands.words_of(parser)}.items():
            part = page.split(f"# steering {name} {word}".rstrip() + "\n", 1)[1].split("\n#", 1)[0]
            options = [option for action in commands.options_of(one) for option in action.option_strings]
            assert [option for option in options if f"`{option}" not in part] == [], f"{name} {word}"


def test_each_extra_is_on_the_page_of_the_command_line():
    page = (make_pages.HERE / "command-line.md").read_text(encoding="utf-8").split("## Extras", 1)[1]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [name for name in extras if f"| `{name}` |" not in page] == []


def test_each_key_of_a_beamlines_file_and_of_a_facility_is_on_its_page():
    from steering.compute.site import Queue, Site
    from steering.description.description_entries import BeamlineDescription
    from steering.facilities.endpoint import Endpoint
    from steering.scans.kinds import scan_kinds

    beamline = (make_pages.HERE / "beamline-file.md").read_text(encoding="utf-8")
    kinds = (BeamlineDescription, *scan_kinds().values())
    assert [
        key for kind in kinds for key in kind.model_fields if key != "plan" and f"| `{key}` |" not in beamline
    ] == []
    facilities = (make_pages.HERE / "facilities.md").read_text(encoding="utf-8")
    fields = {name for kind in (Site, Queue, Endpoint) for name in kind.__dataclass_fields__}
    assert [name for name in sorted(fields - {"name"}) if f"| `{name}` |" not in facilities] == []


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "docs/README.md"])
def test_variables_of_the_environment_that_a_person_sets_are_on_the_page(page):
    named = set(re.findall(r"`(STEERING_[A-Z_]+)", (ROOT / page).read_text(encoding="utf-8")))
    known = (make_pages.HERE / "command-line.md").read_text(encoding="utf-8")
    assert [name for name in sorted(named) if f"`{name}" not in known] == []
