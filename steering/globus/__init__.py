"""Clients of Globus: log in, transfer, compute, catalogue, and run flows. They need the extra ``steering[globus]``."""

from importlib.util import find_spec

from steering.core.errors import SteeringError

if find_spec("globus_sdk") is None:
    message = "Globus needs the package globus-sdk, which is not installed. Install it: pip install 'steering[globus]'"
    raise SteeringError(message)
