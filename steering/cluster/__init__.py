"""The Dask scheduler and its workers as processes of ours; the only room that touches Dask's insides."""
