"""Which parts of the frames analyses look at or leave out, as outlines for the image."""

from collections.abc import Mapping, Sequence
from typing import Any

from steering.contract.asked import Asked

# What is drawn of one analysis: more outlines than this nobody tells apart.
_MOST = 30


def regions_of(
    label: str, asked: Sequence[Asked], parameters: Mapping[str, Any], *, draft: bool = False
) -> list[dict[str, object]]:
    """Find the regions among the parameters of an analysis.

    Args:
        label: What the analysis is called.
        asked: Its parameters; those of kind ``"region"`` are looked at, those of kind ``"regions"`` left out.
        parameters: Their values.
        draft: Whether they only stand in a form.

    Returns:
        One a region, as ``ImageView.regions`` has them; one that cannot be read is left out.
    """
    found: list[dict[str, object]] = []
    for one in asked:
        value = parameters.get(one.name)
        if not value or one.kind not in ("region", "regions"):
            continue
        masked = one.kind == "regions"
        name = f"{label}: left out" if masked else label
        for region in (value if masked else [value])[:_MOST]:
            sides = _sides(region)
            if sides is not None:
                found.append({"name": name, **sides, "masked": masked, "draft": draft})
    return found


def united(used: Sequence[dict[str, object]], drafts: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Join what is used with what only stands in a form, without what is in both."""
    known = [(one["rows"], one["columns"], one["masked"]) for one in used]
    return [*used, *(one for one in drafts if (one["rows"], one["columns"], one["masked"]) not in known)]


def checked(regions: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """Check regions that a person gives, and fill in what may be left out.

    Raises:
        ValueError: If one has no rows and columns.
    """
    found: list[dict[str, object]] = []
    for index, region in enumerate(regions):
        sides = _sides(region)
        if sides is None:
            message = (
                f"regions[{index}] = {str(region)[:80]} is no region. Give rows and columns in the detector's pixels, "
                'each the first and the one after the last: {"rows": [10, 20], "columns": [5, 40], "name": "spot"}.'
            )
            raise ValueError(message)
        marks = {name: bool(region.get(name)) for name in ("masked", "draft")}
        found.append({"name": str(region.get("name", "")), **sides, **marks})
    return found


def _sides(region: Any) -> dict[str, list[int]] | None:
    """Read the rows and columns of a region; nothing if it has none, or an end before its beginning."""
    try:
        sides = {side: [int(end) for end in region[side]] for side in ("rows", "columns")}
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    fits = all(len(ends) == 2 and 0 <= ends[0] < ends[1] for ends in sides.values())
    return sides if fits else None
