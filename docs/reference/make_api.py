"""Writes ``docs/reference/api.md`` from the docstrings: ``python docs/reference/make_api.py``."""

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("api.md")
HEAD = """# API

What notebooks and plugins import. This page is made from the docstrings by `python docs/reference/make_api.py`; what is
not on it may change without a word.
"""
_CHANGES = ("SetParameter", "ReplacePath", "InsertRegion", "Skip", "EndBurst", "Finish")
_KITS = ("analysis", "agent", "panel", "scan", "source", "facility")
# By heading: a sentence, and the objects as module:name.
PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "A session": (
        "What a notebook holds.",
        ("steering.session:open", "steering.session.session:Session", "steering.core.workspace:Workspace"),
    ),
    "What is on the board": (
        "Each value has one writer; `wait` blocks until it meets a condition.",
        (
            "steering.core.board:Board", "steering.core.cell:Cell", "steering.core.status:BeamlineStatus",
            "steering.core.parameter:Parameter", "steering.core.proposal:Ruling", "steering.core.result:Result",
            "steering.core.result:Provenance",
        ),
    ),
    "Actions": (
        "What is proposed to a running scan: `session.propose(...)`.",
        tuple(
            f"steering.core.action:{name}"
            for name in (*_CHANGES, "Pause", "Resume", "Abort")
        ),
    ),
    "Flows": (
        "What is done with runs, and what comes of it: `session.flows`, `session.catalogue`.",
        (
            "steering.flow_runner.desk:Flows", "steering.flow_runner.returned:Returned",
            "steering.flow_steps.flow_state:FlowState", "steering.flow_steps.flow_state:StepState",
            "steering.catalogue.catalogue:Catalogue", "steering.catalogue.published:PublishedCatalogue",
            "steering.catalogue.entry:Entry",
        ),
    ),
    "The record": (
        "Runs of the past, as xarray.",
        (
            "steering.archive.record:Record", "steering.archive.record:RunRecord", "steering.archive.past:Past",
            "steering.archive.run_entry:RunEntry",
        ),
    ),
    "Analyses": (
        "Behind the entry-point group `steering.analyses`.",
        (
            "steering.core.analysis:Analysis", "steering.core.analysis:Needs", "steering.contract.alarm:Alarm",
            "steering.core.block:FrameBlock", "steering.spots.background:Background",
            "steering.spots.background:write_background",
            "steering.core.result:Feature", "steering.core.result:Outcome", "steering.analyses.per_frame:PerFrame",
        ),
    ),
    "Agents": (
        "Behind the entry-point group `steering.agents`.",
        ("steering.core.agent:Agent", "steering.core.agent:Suggestion"),
    ),
    "Globus": (
        "Clients of Globus; they need the extra `steering[globus]`.",
        (
            "steering.globus.account:Account", "steering.globus.login:Login", "steering.globus.patience:Patience",
            "steering.globus.patience:Pace", "steering.globus.transfer:Transfers",
            "steering.globus.transfer:TransferOrder", "steering.globus.transfer:Files",
            "steering.globus.transfer:TransferStatus", "steering.globus.sending:Sending",
            "steering.globus.search:SearchIndex", "steering.globus.search:Entry", "steering.globus.search:Condition",
            "steering.globus.compute:Compute", "steering.globus.compute:ComputeOrder",
            "steering.globus.executor:ComputeExecutor", "steering.globus.flow:Flows",
            "steering.globus.flow_values:Definition", "steering.globus.flow_values:FlowStatus",
            "steering.globus.flow_values:Question", "steering.testing.globus:DoubleGlobus",
            "steering.testing.globus:Control",
        ),
    ),
    "Sources": (
        "Behind the entry-point group `steering.sources`; `session.follow(name, ...)` takes these arguments.",
        (
            "steering.core.source:Source", "steering.sources.hdf5:Hdf5Source", "steering.sources.watch:WatchSource",
            "steering.sources.pva:PvaSource", "steering.sources.tiled:TiledSource",
            "steering.sources.replay:ReplaySource", "steering.sources.zmq_documents:ZmqSource",
        ),
    ),
    "Facilities": (
        "Behind the entry-point group `steering.facilities`.",
        (
            "steering.core.facility:Facility", "steering.core.facility:Remote", "steering.core.facility:WholeRuns",
            "steering.facilities.globus_compute:GlobusComputeFacility", "steering.core.pool:PoolRequest",
       ),
    ),
    "Panels": ("In JupyterLab.", ("steering_widgets.pages.dashboard:Dashboard", "steering.core.desk:Desk")),
    "Contract kits": (
        "Tests that any plugin must pass.",
        tuple(f"steering.testing:check_{kind}" for kind in _KITS),
    ),
}  # fmt: skip
_LONG = 110
_SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Yields", "Warns")
_ROLE = re.compile(r":\w+:`~?([^`]+)`")


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    return 0


def page() -> str:
    """Make the page's text."""
    parts = [HEAD]
    for heading, (sentence, names) in PARTS.items():
        parts.append(f"## {heading}\n\n{sentence}\n")
        for name in names:
            parts += described(name)
    return "\n".join(parts)


def described(name: str) -> Iterator[str]:
    """Describe a class with its public methods, or a function."""
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute)
    yield f"### {attribute}\n\n`{module}`\n"
    if not inspect.isclass(found):
        yield _code(attribute, found)
        yield _text(inspect.getdoc(found) or "")
        return
    plain = is_dataclass(found) or getattr(found, "_is_protocol", False)
    if not plain or is_dataclass(found):
        yield _code(attribute, found)
    yield _text(inspect.getdoc(found) or "")
    made = vars(found).get("__init__")
    if not plain and made is not None and made.__doc__:
        yield _text(inspect.cleandoc(made.__doc__))
    for each, member in vars(found).items():
        if each.startswith("_"):
            continue
        if isinstance(member, property):
            yield f"* **`{each}`**: {_text(inspect.getdoc(member) or '').strip()}\n"
        elif inspect.isfunction(member):
            yield from _function(f"{attribute}.{each}", member)


def _function(name: str, found: Any) -> Iterator[str]:
    yield f"#### {name}\n"
    yield _code(name.rpartition(".")[2], found)
    yield _text(inspect.getdoc(found) or "")


def _code(name: str, found: Any) -> str:
    """Write how something is called; what is long has a line for each argument."""
    signature = inspect.signature(found)
    kept = [one for one in signature.parameters.values() if one.name != "self"]
    signature = signature.replace(parameters=kept)
    text = f"{name}{signature}"
    if len(text) > _LONG and kept:
        returned = text[text.rindex(")") :]
        text = f"{name}(\n" + "".join(f"    {one},\n" for one in _arguments(kept)) + returned
    text = re.sub(r"\b(?:steering|collections|typing|numpy|pathlib|builtins)(?:\.\w+)*\.(\w+)", r"\1", text)
    # Names in quotes are types that are imported later.
    text = re.sub(r"(: |-> )'([^']+)'", r"\1\2", text)
    text = text.replace("~", "").replace("ndarray[tuple[Any, ...], dtype[Any]]", "NDArray[Any]")
    # Not "python": that is what the tests of the documentation run.
    return f"```py\n{text}\n```\n"


def _arguments(kept: list[inspect.Parameter]) -> Iterator[str]:
    starred = False
    for one in kept:
        if one.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            yield "*"
        starred = starred or one.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_POSITIONAL)
        yield str(one)


def _text(docstring: str) -> str:
    """Write a Google-style docstring as Markdown."""
    lines: list[str] = []
    section = False
    for line in _ROLE.sub(r"`\1`", docstring).replace("``", "`").splitlines():
        title = line.strip().removesuffix(":")
        if title in _SECTIONS and line.endswith(":"):
            section = True
            lines += [f"*{title}*", ""]
        elif section and (found := re.match(r"    (\*{0,2}\w[\w.]*): (.*)", line)):
            lines.append(f"* `{found[1]}`: {found[2]}")
        elif section and line.startswith("    "):
            lines.append(f"  {line.strip()}" if lines[-1].startswith(("* ", "  ")) else line.strip())
        else:
            section = section and not line
            lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
