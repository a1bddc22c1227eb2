"""What is known of a run when a flow asks: its words for templates, and its numbers for conditions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from steering.core.result import Feature

# What a template may name, and what a condition may ask beside features. Each is said in the reference.
WORDS = {
    "run.uid": "uid of the run",
    "run.short": "the first eight characters of the uid",
    "run.scan": "name of the scan",
    "run.number": "Bluesky's scan_id",
    "run.sample": "name of the sample",
    "run.status": "success, abort or fail; unfinished while it goes on",
    "run.day": "day on which it began, as 2026-11-30",
    "run.experiment": "experiment or proposal of the start document",
    "flow.name": "name of the flow",
    "beamline.name": "name of the beamline",
}
TEXTS = ("status", "scan", "sample", "experiment")
NUMBERS = {"frames": "frames", "points": "1", "duration": "s"}


@dataclass(frozen=True)
class Facts:
    """What is known of a run.

    Attributes:
        words: What templates may name, by name.
        texts: What conditions may ask that is a text: status, scan, sample, experiment.
        features: What conditions may ask that is a number with a unit: ``frames``, ``points``, ``duration``, and the
            features of results, each as ``name`` and as ``label.name``.
    """

    words: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    features: Mapping[str, Feature] = field(default_factory=dict[str, Feature])

    def with_features(self, label: str, features: Mapping[str, Feature]) -> "Facts":
        """Add what a result says; a newer one of the same name goes before an older one."""
        named = {f"{label}.{name}": feature for name, feature in features.items()}
        return replace(self, features={**self.features, **features, **named})
