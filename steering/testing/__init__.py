"""Contract kits that any plugin, ours or a stranger's, must pass.

Each ``check_...`` raises :class:`ContractError` with a sentence that says what was expected and what happened.
"""

from steering.contract.broken import ContractError
from steering.testing.agent import check_agent
from steering.testing.analysis import check_analysis
from steering.testing.bench import SourceBench
from steering.testing.facility import check_facility
from steering.testing.fed import check_fed_source
from steering.testing.inline import InlineFacility
from steering.testing.panel import check_panel
from steering.testing.scan import check_scan
from steering.testing.source import check_source

__all__ = [
    "ContractError",
    "InlineFacility",
    "SourceBench",
    "check_agent",
    "check_analysis",
    "check_facility",
    "check_fed_source",
    "check_panel",
    "check_scan",
    "check_source",
]
