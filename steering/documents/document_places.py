"""Where the frames lie that Bluesky's asset documents speak of: ``stream_resource``, and the older ``resource``.

Known are HDF5 files and series of TIFF files, in the current form (a mimetype, a URI and parameters), in the form of
event-model before 1.20 (a spec, a root and a path), and as classic ophyd writes them (``AD_HDF5``, ``AD_TIFF``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from steering.core.place import Place
from steering.places.hdf5 import FrameFile
from steering.places.images import ImageFiles
from steering.readers.paths import path_of_uri

# areaDetector's HDF5 writer keeps the time of each frame here, and the frames there.
_TIMES_DATASET = "/entry/instrument/NDAttributes/NDArrayTimeStamp"
_FRAMES_DATASET = "/entry/data/data"
_HDF5_TYPES = ("application/x-hdf5", "application/x-hdf", "application/hdf5")
_TIFF_SERIES = "multipart/related;type=image/tiff"
_HDF5_SPECS, _TIFF_SPECS = ("AD_HDF5", "NXS", "HDF5"), ("AD_TIFF", "AD_TIF")
# These files hold time series and tables in place of frames.
_NO_FRAMES = ("AD_HDF5_TS", "AD_HDF5_DET_TS")
KNOWN = "HDF5 files (application/x-hdf5) and series of TIFF files (multipart/related;type=image/tiff)"


class UnknownError(ValueError):
    """Frames are kept in a way that is not known here. The message is a clause."""


@dataclass(frozen=True)
class InFile:
    """Frames one after another in a dataset."""

    file: FrameFile

    def place(self, first: int, stop: int) -> Place:
        """Return the place of a range of frames."""
        del first, stop
        return self.file


@dataclass(frozen=True)
class InImages:
    """One image file a frame.

    Attributes:
        folder: Where the files lie.
        template: Their names: ``{:06d}`` or ``%06d`` stands for the number.
    """

    folder: str
    template: str

    def place(self, first: int, stop: int) -> Place:
        """Return the place of a range of frames."""
        names = [self._name(number) for number in range(first, stop)]
        paths = tuple(str(PurePosixPath(self.folder) / name) for name in names)
        return ImageFiles(paths, (0,) * len(paths), (float("nan"),) * len(paths))

    def _name(self, number: int) -> str:
        return self.template.format(number) if "{" in self.template else self.template % number


Kept = InFile | InImages


@dataclass(frozen=True)
class Resource:
    """What one document said.

    Attributes:
        kept: How the frames are kept.
        each: Frames a datum, 0 where the document does not say.
    """

    kept: Kept
    each: int = 0


def of_stream_resource(document: Mapping[str, Any]) -> Resource:
    """Read a ``stream_resource``, current or old.

    Raises:
        UnknownError: If its kind is not known.
        KeyError: If it lacks what its kind needs.
    """
    if "mimetype" not in document and "spec" in document:
        return of_resource(document)
    mimetype = str(document["mimetype"]).replace(" ", "").lower()
    parameters = cast("Mapping[str, Any]", document.get("parameters") or {})
    path = path_of_uri(str(document["uri"]))
    if mimetype.partition(";")[0] in _HDF5_TYPES:
        return Resource(InFile(FrameFile(path, _dataset(parameters), _TIMES_DATASET)))
    if mimetype == _TIFF_SERIES:
        return Resource(_images(path, str(parameters["template"])))
    message = f"frames of type {mimetype!r:.60} are not read here; known are {KNOWN}"
    raise UnknownError(message)


def of_resource(document: Mapping[str, Any]) -> Resource:
    """Read a ``resource`` of classic ophyd.

    Raises:
        UnknownError: If its spec is not known.
        KeyError: If it lacks what its spec needs.
    """
    spec = str(document["spec"]).upper()
    path = str(PurePosixPath(str(document.get("root") or "/")) / str(document["resource_path"]))
    kwargs = cast("Mapping[str, Any]", document.get("resource_kwargs") or {})
    each = int(kwargs.get("frame_per_point") or kwargs.get("images_per_file") or 1)
    if spec.startswith(_HDF5_SPECS) and spec not in _NO_FRAMES:
        return Resource(InFile(FrameFile(path, _dataset(kwargs), _TIMES_DATASET)), each)
    if spec.startswith(_TIFF_SPECS):
        template = str(kwargs["template"])
        if template.startswith("%s%s"):
            # areaDetector's own: folder, name, number.
            template = str(kwargs["filename"]).replace("%", "%%") + template.removeprefix("%s%s")
        return Resource(_images(path, template), each)
    message = f"frames of spec {spec!r:.60} are not read here; known are AD_HDF5, AD_TIFF, and {KNOWN}"
    raise UnknownError(message)


def _dataset(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("dataset") or parameters.get("path") or parameters.get("key") or _FRAMES_DATASET)


def _images(folder: str, template: str) -> InImages:
    images = InImages(folder, template)
    try:
        one, two = (PurePosixPath(path).name for path in cast("ImageFiles", images.place(0, 2)).paths)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        message = f"the names of its image files are written as {template!r:.60}, which takes no number ({error})"
        raise UnknownError(message) from error
    if one == two:
        message = f"the names of its image files are written as {template!r:.60}, which takes no number"
        raise UnknownError(message)
    return images
