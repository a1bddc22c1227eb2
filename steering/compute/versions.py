"""Are the workers' versions those of this session?"""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

# What is pickled between a session and its workers, or computes there.
PACKAGES = ("steering", "dask", "distributed", "cloudpickle", "numpy", "scipy", "xarray", "h5py")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that must agree; those not installed are empty."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def differences(facility: str, workers: Mapping[str, Mapping[str, str]]) -> str:
    """Say in a sentence where workers differ from this session, and what to do; empty if they do not."""
    here = versions()
    said: dict[str, str] = {}
    for there in workers.values():
        for name, value in there.items():
            mine = here.get(name, "")
            # Python's patch releases read each other's data.
            if name == "python":
                mine, value = (".".join(text.split(".")[:2]) for text in (mine, value))  # noqa: PLW2901  (compared without its last part)
            if value != mine:
                said[name] = f"{name} {value or 'missing'} there, {mine or 'missing'} here"
    if not said:
        return ""
    return f"The worker environment differs: {'; '.join(said.values())}. Run: steering compute prepare {facility}."
