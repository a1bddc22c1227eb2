"""Which parts of the frames analyses look at or leave out, as outlines for the image."""

from collections.abc import Mapping, Sequence
from typing import Any

from steering.core.asked import Asked

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
            try:
                rows, columns = ([int(end) for end in region[side]] for side in ("rows", "columns"))
            except (KeyError, TypeError, ValueError):
                continue
            if len(rows) == len(columns) == 2:
                found.append({"name": name, "rows": rows, "columns": columns, "masked": masked, "draft": draft})
    return found


def united(used: Sequence[dict[str, object]], drafts: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Join what is used with what only stands in a form, without what is in both."""
    known = [(one["rows"], one["columns"], one["masked"]) for one in used]
    return [*used, *(one for one in drafts if (one["rows"], one["columns"], one["masked"]) not in known)]
