"""What a writer that has a file open has written of it so far.

HDF5 looks anew at a dataset by ``H5Drefresh``. Where the dataset is open a second time in the process, that loses where
its chunks lie: every frame is then read as the first one, in silence (seen with HDF5 2.0, in two threads that followed
one file). So :func:`look_anew` is the only place that asks for it, and it refuses where there is a second handle; and
:class:`steering.readers.open_files.OpenFiles` leaves none behind.
"""

from pathlib import Path
from typing import Any

import numpy as np

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Version of the superblock from which on it says that a writer has the file open, and the bit that does.
_FLAGS_VERSION, _FLAGS_AT, _WRITER = 3, 11, 0x01


def is_being_written(path: Path) -> bool:
    """Say whether a writer has a file open, as far as the file tells (files that can be read while they grow do)."""
    with path.open("rb") as file:
        # A file may begin with a block of its user's, of 512 bytes or twice, four times ... as many.
        for offset in (0, 512, 1024, 2048, 4096, 8192):
            file.seek(offset)
            head = file.read(_FLAGS_AT + 1)
            if head.startswith(_SIGNATURE) and len(head) > _FLAGS_AT:
                return head[8] >= _FLAGS_VERSION and bool(head[_FLAGS_AT] & _WRITER)
    return False


def look_anew(dataset: Any) -> None:
    """Learn what a writer has added to a dataset since it was opened.

    Raises:
        OSError: If the dataset is open a second time in this process: then its frames could not be told apart.
    """
    if _written_here(dataset):
        # Who writes in this process shares what it knows with who reads.
        return
    if _handles(dataset) > 1:
        message = (
            f"{dataset.name} of {dataset.file.filename} is open a second time in this process while it is being "
            "written; close it there, for example in a cell of the notebook"
        )
        raise OSError(message)
    # Of the dataset and not of its id: h5py keeps the shape of a file that is read, and forgets it here only.
    dataset.refresh()


def _written_here(dataset: Any) -> bool:
    """Say whether this process itself has a dataset's file open for writing."""
    import h5py

    return bool(h5py.h5i.get_file_id(dataset.id).get_intent() & (h5py.h5f.ACC_RDWR | h5py.h5f.ACC_SWMR_WRITE))


def _handles(dataset: Any) -> int:
    """Count how often a dataset is open in this process, through whatever file object."""
    import h5py

    file = h5py.h5i.get_file_id(dataset.id)
    if h5py.h5f.get_obj_count(file, h5py.h5f.OBJ_DATASET) <= 1:
        return 1
    address = h5py.h5o.get_info(dataset.id).addr
    opened = h5py.h5f.get_obj_ids(file, h5py.h5f.OBJ_DATASET)
    return sum(h5py.h5o.get_info(one).addr == address for one in opened)


def need_written(dataset: Any, first: int, stop: int) -> None:
    """Make sure that frames are written which a writer has made room for.

    Raises:
        OSError: If they are not. A chunk that was left out stands before others, or in a file that nobody writes.
    """
    if dataset.chunks is None or dataset.is_virtual:
        return
    grid = [-(-size // chunk) for size, chunk in zip(dataset.shape, dataset.chunks, strict=True)]
    # The last chunk of the last frame; those before it were written before.
    *outer, _, _ = dataset.shape
    frame = np.unravel_index(stop - 1, outer)
    last = (*(int(index) for index in frame), *(size - 1 for size in dataset.shape[-2:]))
    place = [index // chunk for index, chunk in zip(last, dataset.chunks, strict=True)]
    begin = tuple(index * chunk for index, chunk in zip(place, dataset.chunks, strict=True))
    if dataset.id.get_chunk_info_by_coord(begin).byte_offset is not None:
        return
    before = int(np.ravel_multi_index(place, grid))
    if dataset.id.get_num_chunks() <= before and is_being_written(Path(dataset.file.filename)):
        message = f"frames {first} to {stop - 1} of {dataset.name} are not written yet"
        raise OSError(message)
