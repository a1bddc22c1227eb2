"""The API page is what the docstrings say."""

import difflib
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("make_api", ROOT / "docs" / "reference" / "make_api.py")
make_api = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_api)


def test_the_page_is_up_to_date():
    written, made = make_api.PAGE.read_text(encoding="utf-8"), make_api.page()
    changed = "\n".join(difflib.unified_diff(written.splitlines(), made.splitlines(), lineterm="", n=0))
    assert not changed, f"run: python docs/reference/make_api.py\n{changed}"


@pytest.mark.parametrize("name", [name for _, names in make_api.PARTS.values() for name in names])
def test_what_is_on_it_says_what_it_is_for(name):
    parts = list(make_api.described(name))
    assert all(part.strip() for part in parts), name
    assert not any("<" in part and "object at 0x" in part for part in parts)
