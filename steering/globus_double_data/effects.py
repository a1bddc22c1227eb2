"""What the double did, counted: a test says "exactly once" by it."""

from dataclasses import dataclass, fields


@dataclass
class Effects:
    """Counts since the double began.

    Attributes:
        transfer_tasks: Transfers that were accepted as new.
        files_moved: Files that arrived, right or wrong.
        bytes_moved: Their bytes.
        rules_made: Permissions that were given.
        entries_written: Entries of an index that were new or changed.
        functions_registered: Functions that were registered.
        functions_started: Runs of functions that began.
        functions_run: Runs of functions that came to their end.
        flows_made: Flows that were created or changed.
        flow_runs: Runs of flows that were started.
        tokens_made: Access tokens that were given.
    """

    transfer_tasks: int = 0
    files_moved: int = 0
    bytes_moved: int = 0
    rules_made: int = 0
    entries_written: int = 0
    functions_registered: int = 0
    functions_started: int = 0
    functions_run: int = 0
    flows_made: int = 0
    flow_runs: int = 0
    tokens_made: int = 0

    def counts(self) -> dict[str, int]:
        """Return all counts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
