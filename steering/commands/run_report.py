"""What came of a scan and its flow: as JSON, and for a person."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from steering.commands.finite import finite
from steering.core.json import Json
from steering.core.latency import Quantiles
from steering.core.result import Result

if TYPE_CHECKING:
    from steering.session.session import Session


def report_of(session: "Session", uid: str) -> dict[str, Json]:
    """Say how a scan of a session went, with its results, rulings and latencies."""
    latency = session.board.latency.value
    results = {label: one for label, one in session.board.results.value.items() if one.provenance.run == uid}
    main = next(iter(results), "")
    status = session.board.status.value
    return {
        "run": uid,
        "beamline": status.beamline,
        "status": session.exit_status(uid),
        "message": status.message or session.board.notice.value,
        "points": status.points_done,
        # What the board shows as the main result may still be that of the scan before.
        "frames": results[main].provenance.frames if results else 0,
        "features": _features(results[main]) if results else {},
        "results": {
            label: {"analysis": one.provenance.analysis, "frames": one.provenance.frames, "features": _features(one)}
            for label, one in results.items()
        },
        "rulings": [cast("Json", asdict(ruling)) for ruling in session.board.rulings.value],
        "latency_ms": {
            "photon_to_feature": _quantiles(latency.photon_to_feature),
            "proposal_to_applied": _quantiles(latency.proposal_to_applied),
        },
    }


def _features(result: Result) -> dict[str, Json]:
    return {name: cast("Json", asdict(feature)) for name, feature in result.outcome.features.items()}


def _quantiles(quantiles: Quantiles) -> dict[str, Json]:
    return {
        "p50": None if math.isnan(quantiles.p50) else round(quantiles.p50, 2),
        "p99": None if math.isnan(quantiles.p99) else round(quantiles.p99, 2),
        "count": quantiles.count,
    }


def as_json(reports: Sequence[Mapping[str, Any]], *, several: bool) -> str:
    """Write reports as JSON.

    Args:
        reports: Of scans, in their order.
        several: Whether several were asked for: they stand in ``scans`` then.
    """
    return json.dumps(finite({"scans": list(reports)} if several else reports[0]), indent=1) + "\n"


def as_text(report: Mapping[str, Any]) -> str:
    """Write a report for a person."""
    counts = f"{report['points']} points, {report['frames']} frames analysed"
    lines = [f"Run {report['run']} at {report['beamline']}: {report['status']}, {counts}."]
    for label, result in report["results"].items():
        if len(report["results"]) > 1:
            lines.append(f" {label} ({result['analysis']}), {result['frames']} frames:")
        for name, feature in result["features"].items():
            lines.append(f"  {name:16} {feature['value']:.6g} +- {feature['uncertainty']:.2g} {feature['units']}")
    for ruling in report["rulings"]:
        change = f"{ruling['subject']} {ruling['old']} -> {ruling['new']}".strip()
        lines.append(f"  {ruling['verdict']}: {ruling['who']}: {ruling['kind']} {change} {ruling['reason']}".rstrip())
        if ruling["outcome"]:
            lines.append(f"    {ruling['outcome']}")
    for name, entry in report["latency_ms"].items():
        if entry["count"]:
            lines.append(f"  {name}: p50 {entry['p50']:.0f} ms, p99 {entry['p99']:.0f} ms over {entry['count']}")
    lines += _flow_lines(report.get("flow") or {})
    if report["message"]:
        lines.append(f"  {report['message']}")
    return "\n".join(lines) + "\n"


def _flow_lines(flow: Mapping[str, Any]) -> list[str]:
    if not flow:
        return []
    steps = [f"    {one['step']}: {one['status']} {one['why']}".rstrip() for one in flow["steps"]]
    return [f"  flow {flow['id']}: {flow['status']}. {flow['why']}".rstrip(), *steps]
