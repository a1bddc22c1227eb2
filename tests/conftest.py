"""Fixtures that every test may use."""

import gc
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from steering.core.workspace import Workspace
from steering.machine.loading import loading
from steering.sim.data import fetch
from tests import reaper
from tests.forks import Forks
from tests.slurm import Slurm

# What takes longest begins first, so that processes that share the work end about together.
LONGEST_FIRST = (
    "slurm",
    "tests/contracts/test_contracts.py",
    "tests/system/test_lifecycle.py",
    "tests/system",
    "tests/system/test_deaths.py",
    "tests/commands/test_ends.py",
    "tests/system/test_stops.py",
    "tests/browser/test_lab.py",
    "tests/browser/test_bits.py",
    "tests/system/test_guest.py",
    "tests/test_docs.py",
    "tests/test_binder.py",
    "tests/widgets/test_browser.py",
)

# These share one session on one embedded beamline.
ONE_SESSION = tuple(f"tests/system/test_{name}.py" for name in ("follow", "losses", "map", "open", "past", "rocking"))

# These share one Slurm.
ON_SLURM = (
    "tests/browser/test_slurm_lab.py",
    "tests/flow_globus/test_queues.py",
    "tests/system/test_end_to_end.py",
    "tests/system/test_slurm.py",
)

# Shared machines pause for longer than any example takes; time is measured in benchmarks/.
hypothesis.settings.register_profile("steering", deadline=None, max_examples=40)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=300)

# To collect the tests loads everything there is.
gc.disable()
with loading():
    import event_model  # noqa: F401  (Bluesky's documents, for what it loads in turn)


def scope_of(nodeid: str) -> str:
    """Say with which others a test must run in one process: those that share a beamline, a real Slurm, or a file."""
    file = nodeid.partition("::")[0]
    if file in ON_SLURM:
        return "slurm"
    return "tests/system" if file in ONE_SESSION else file


class Groups(LoadScopeScheduling):
    """Hands each process whole scopes."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let everything be asked for: it takes an hour."""
    parser.addoption(
        "--thorough", action="store_true", help="also what is alike (tests/thorough.py), and more examples"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is tried only when asked, and put first what takes longest."""
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough") is not None]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    scopes = {scope_of(item.nodeid): None for item in items}
    order = {scope: place for place, scope in enumerate(dict.fromkeys((*LONGEST_FIRST, *scopes)))}
    items.sort(key=lambda item: order[scope_of(item.nodeid)])


def pytest_configure(config: pytest.Config) -> None:
    """Have whatever the tests start end with them, and few examples be made unless asked."""
    hypothesis.settings.load_profile("thorough" if config.getoption("--thorough") else "steering")
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        reaper.begin()


def pytest_collection_finish() -> None:
    """Collect garbage again, past what has been loaded."""
    gc.freeze()
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Say how tests that run side by side are shared out."""
    return Groups(config, log)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace of its own."""
    return Workspace(tmp_path / "workspace")


@pytest.fixture(scope="session")
def spec_scan() -> dict[str, list[float]]:
    """The columns of scan 54 in the beamtime's SPEC file."""
    text = fetch("bcdi_34idc/example.spec").read_text(encoding="utf-8", errors="replace")
    lines = text.split("#S 54 ", 1)[1].split("\n#S ", 1)[0].splitlines()[1:]
    names = next(line for line in lines if line.startswith("#L"))[3:].split("  ")
    rows = [[float(value) for value in line.split()] for line in lines if line and not line.startswith("#")]
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}


@pytest.fixture(scope="session")
def forks():
    """The command, loaded once and run in forks."""
    made = Forks()
    yield made
    made.close()


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """A real Slurm of three pretend nodes; the variable SLURM_CONF leads to it."""
    made = Slurm(tmp_path_factory.mktemp("slurm"))
    made.start()
    yield made
    made.stop()
