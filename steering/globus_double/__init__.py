"""A double of Globus: Auth, Transfer, Search, Compute and Flows over HTTP on loopback, for tests and tutorials."""
