"""Whoever looks at results and advises: the agents of a session, in their modes."""
