"""The Dask scheduler and its workers as our own processes. Only this package uses Dask's internals."""
