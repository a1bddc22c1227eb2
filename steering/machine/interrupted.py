"""How a process ends that was interrupted."""

_CODE = 130


def interrupted() -> int:
    """Return the exit code of a process that Ctrl-C has ended.

    If it was interrupted in code that was made from text, as libraries make some while they are loaded, Python
    remembers that, and sends itself the signal again at its end, whatever the exit code. Other code from text that
    runs to its end takes that back.
    """
    exec("")  # noqa: S102  (nothing is in it)
    return _CODE
