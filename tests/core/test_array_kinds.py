import subprocess
import sys

import pytest

# In a process of its own: this one has loaded everything.
BEGIN = """
import sys
import numpy as np
import xarray
from steering.machine.array_kinds import look_among_loaded
look_among_loaded()
look_among_loaded()
data = xarray.Dataset({"a": ("x", np.arange(3.0))}, coords={"x": [1, 2, 3]})
"""
UNTOUCHED = """
data.a.values, (data + data).mean().load(), data.isel(x=1).a.item(), repr(data), data._repr_html_(), data.to_dict()
assert not {"dask.array", "sparse", "pint", "numba"} & set(sys.modules)
"""
SPARSE = """
import sparse
dense = xarray.DataArray(sparse.COO.from_numpy(np.eye(3)), dims=("x", "y"))
assert isinstance(dense.data, sparse.COO)
assert dense.to_numpy().tolist() == np.eye(3).tolist()
"""
DASK = """
chunked = data.chunk({"x": 1})
assert chunked.a.chunks == ((1, 1, 1),)
assert chunked.a.values.tolist() == [0, 1, 2]
"""


@pytest.mark.parametrize("looked", [UNTOUCHED, SPARSE, DASK, UNTOUCHED + SPARSE + DASK])
def test_no_library_is_loaded_to_see_that_an_array_is_none_of_its_and_theirs_are_known(looked):
    subprocess.run([sys.executable, "-c", BEGIN + looked], check=True)
