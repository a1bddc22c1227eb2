"""The dashboard: all panels of a session, laid out, and who looks at them."""
