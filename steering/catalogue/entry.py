"""Entries of the catalogue: DataCite 4, the project's own metadata, files, features. As APS' portals have them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, cast

from steering.archive.decisions import Decisions, change_of, moment
from steering.archive.run_entry import RunEntry
from steering.core.errors import SteeringError, said
from steering.core.result import Feature
from steering.core.version import VERSION
from steering.flows.facts import Facts

Kind: TypeAlias = Literal["run", "result"]
# So many decisions are told one by one; all of them are in the run.
_MOST_TOLD = 100


@dataclass(frozen=True, repr=False)
class Entry:
    """What the catalogue keeps of a run or of a result.

    Attributes:
        subject: Key: ``run:UID``, or ``result:UID:LABEL``.
        kind: ``"run"`` or ``"result"``.
        run: Uid of the run, which leads back to it in the record.
        flow: Flow run that wrote the entry.
        content: All of it, as it would be published: ``dc``, ``files``, ``project_metadata``.
        visible_to: Groups that may see it; empty for all who may read the catalogue.
        features: Of the result, or of all results of the run.
    """

    subject: str
    kind: Kind
    run: str
    flow: str
    content: Mapping[str, Any]
    visible_to: tuple[str, ...] = ()
    features: Mapping[str, Feature] = field(default_factory=dict[str, Feature])

    @property
    def scan(self) -> str:
        """Name of the scan."""
        return str(self.metadata.get("scan") or "")

    @property
    def sample(self) -> str:
        """Name of the sample."""
        return str(self.metadata.get("sample") or "")

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The project's metadata."""
        return cast("Mapping[str, Any]", self.content.get("project_metadata") or {})

    @property
    def files(self) -> Sequence[Mapping[str, Any]]:
        """Its files: ``filename``, ``url``, ``length`` in bytes, ``sha256``."""
        return cast("Sequence[Mapping[str, Any]]", self.content.get("files") or ())

    @property
    def decisions(self) -> Mapping[str, Any]:
        """What was decided on its run: how many, by whom, and each in a line."""
        return cast("Mapping[str, Any]", self.metadata.get("decisions") or {})

    @property
    def label(self) -> str:
        """Label of the analysis; empty of a run."""
        # One that somebody else has published may have none.
        return ":".join(self.subject.split(":")[2:]) if self.kind == "result" else ""

    @property
    def facts(self) -> Facts:
        """What conditions may ask of it."""
        said = self.metadata
        texts = {name: str(said.get(name) or "") for name in ("status", "scan", "sample", "experiment")}
        numbers = {
            name: Feature(float(said[name]), float("nan"), units)
            for name, units in (("points", "1"), ("frames", "frames"), ("duration", "s"))
            if isinstance(said.get(name), int | float)
        }
        return Facts({}, texts, numbers).with_features(self.label, self.features)

    def __repr__(self) -> str:
        """Say what it is in a line."""
        title = self.content["dc"]["titles"][0]["title"]
        features = ", ".join(f"{name} {one.value:.4g} {one.units}" for name, one in list(self.features.items())[:4])
        return f"<{self.kind} {self.run[:8]}, {title}" + (f": {features}>" if features else ">")


def data_cite(
    title: str,
    creators: Sequence[str],
    publisher: str,
    subjects: Sequence[str],
    entry: RunEntry,
    identifier: str,
) -> dict[str, Any]:
    """Write the DataCite 4 part of an entry, as its schema 4.3 has it.

    Args:
        title: Of the entry.
        creators: Their names.
        publisher: Likewise.
        subjects: A few words each.
        entry: The run.
        identifier: The entry's subject, by which the catalogue knows it.
    """
    day = entry.date[:10]
    return {
        "identifiers": [{"identifier": identifier, "identifierType": "steering"}],
        "titles": [{"title": title}],
        "creators": [{"name": name} for name in creators or ("unknown",)],
        "publisher": publisher or "unknown",
        "publicationYear": day[:4] or str(datetime.now(UTC).year),
        "dates": [{"date": day, "dateType": "Created"}] if day else [],
        "formats": ["application/x-hdf5"],
        "subjects": [{"subject": one} for one in subjects],
        "types": {"resourceType": "Dataset", "resourceTypeGeneral": "Dataset"},
        "version": VERSION,
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }


def decisions_summary(decisions: Decisions) -> dict[str, Any]:
    """Sum up what was decided on a run."""
    rulings = decisions.rulings
    told = [
        {
            "at": moment(one.decided_at), "who": one.who, "what": change_of(one), "verdict": one.verdict,
            "why": one.reason, "basis": one.basis,
        }
        for one in rulings[:_MOST_TOLD]
    ]  # fmt: skip
    return {
        "count": len(rulings),
        "accepted": sum(one.accepted for one in rulings),
        "refused": sum(not one.accepted for one in rulings),
        "by": dict(Counter(one.who for one in rulings)),
        "told": told,
    }


def checked_entry(entry: Entry) -> Entry:
    """See that an entry can be kept.

    Raises:
        SteeringError: If it has no run or title, or is no entry.
    """
    if not entry.run or not entry.subject.startswith(f"{entry.kind}:{entry.run}"):
        raise SteeringError(
            f"The catalogue entry {entry.subject!r:.80} names no run. Its subject is run:UID or result:UID:LABEL."
        )
    try:
        told, title = entry.content["project_metadata"], entry.content["dc"]["titles"][0]["title"]
        well = all((isinstance(title, str), title, isinstance(told["flow"], str), told["kind"] == entry.kind))
        float(told.get("began") or 0.0)
        # A line of a list of entries is made of these.
        well = well and all(isinstance(told.get(name) or "", str) for name in ("scan", "sample", "status", "day"))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise SteeringError(f"The catalogue entry {entry.subject!r:.80} is none ({said(error):.80}).") from error
    if not well:
        raise SteeringError(f"The catalogue entry {entry.subject!r:.80} has no title, no flow, or another kind.")
    return entry
