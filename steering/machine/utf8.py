"""The locale of the processes that are started."""

import locale


def utf8_environment() -> dict[str, str]:
    """Return what to set so that a process of ours reads and writes UTF-8; nothing where it does anyway.

    In the locale ``C`` Python itself does, but libraries that ask for the locale's encoding fail at the first umlaut in
    a path.
    """
    return {} if locale.getencoding().lower().replace("-", "") == "utf8" else {"LC_ALL": "C.UTF-8"}
