"""Features that are known of a run beside those that a flow computes: what sessions have put into the record."""

from collections.abc import Mapping

from steering.beamline.embedded import find_service
from steering.core.errors import SteeringError
from steering.core.result import Feature
from steering.core.workspace import Workspace

_PATIENCE_SECONDS = 5.0


def record_features(workspace: Workspace, run: str) -> dict[str, Mapping[str, Feature]]:
    """Read the features of a run's results by label; none if no record answers or it has none."""
    service = find_service(workspace)
    address = service.get("record") if service is not None else None
    if not isinstance(address, dict):
        return {}
    import httpx

    # They load slowly, and are needed only where a condition asks for what no step has computed.
    from steering.archive.record import connect_record
    from steering.archive.run_results import RunResults

    try:
        client = connect_record(str(address["url"]), str(address["key"]), _PATIENCE_SECONDS)
        results = RunResults(client, run)
        return {label: results.features(label) for label in results.labels}
    except (SteeringError, httpx.HTTPError, OSError, KeyError, ValueError):
        return {}
