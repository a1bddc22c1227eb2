"""What a search asks for: facets, and a condition that each entry is judged by, wherever the entries are."""

from collections.abc import Iterable, Mapping

from steering.catalogue.entry import Entry
from steering.core.errors import SteeringError
from steering.flows.condition import Condition, UnknownFeatureError, UnlikeUnitsError

FACETS = ("kind", "scan", "sample", "status", "day", "experiment", "beamline", "flow", "label")


def facets_of(kind: str, facets: Mapping[str, str]) -> dict[str, str]:
    """Return the words that entries must have, by facet.

    Raises:
        SteeringError: If there is no such facet.
    """
    wanted = {**facets, **({"kind": kind} if kind else {})}
    for name in wanted:
        if name not in FACETS:
            raise SteeringError(f"There is no facet {name!r:.60}. There are: {', '.join(FACETS)}.")
    return wanted


def fitting(entries: Iterable[Entry], condition: Condition | None, limit: int) -> list[Entry]:
    """Choose the first entries of which a condition holds.

    One that lacks a feature, or has it in units of another kind, does not fit.

    Args:
        entries: Are looked at until there are enough.
        condition: All fit if there is none.
        limit: How many are enough.

    Raises:
        SteeringError: If no entry has the feature, or none in units of that kind.
    """
    fit: list[Entry] = []
    unknown: UnknownFeatureError | None = None
    unlike: UnlikeUnitsError | None = None
    known: set[str] = set()
    judged = 0
    for one in entries:
        if len(fit) >= limit:
            break
        try:
            holds = condition is None or condition.holds(one.facts)
        except UnknownFeatureError as error:
            unknown = error
            known |= set(one.facts.features)
            continue
        except UnlikeUnitsError as error:
            unlike = unlike or error
            continue
        judged += 1
        if holds:
            fit.append(one)
    if unlike is not None and not judged:
        raise unlike
    if condition is not None and unknown is not None and not judged:
        raise SteeringError(
            f"No entry has what {condition.text!r:.80} asks for. Known are: {', '.join(sorted(known)) or 'none'}."
        )
    return fit
