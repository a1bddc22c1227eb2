"""Clients of Globus: log in, transfer, compute, catalogue, and run flows. They need the extra ``steering[globus]``."""
