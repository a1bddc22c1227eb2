"""The name of a dataset."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetName:
    """A dataset of frames in an HDF5 file.

    Attributes:
        path: The file.
        dataset: Where in it.
        times: Dataset there with one Unix time in seconds a frame, or empty.
    """

    path: str
    dataset: str
    times: str = ""
