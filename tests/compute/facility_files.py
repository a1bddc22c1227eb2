"""The sections of YAML that this package ships, one for each installed facility."""

from pathlib import Path

import steering.facilities


def section(name):
    return Path(steering.facilities.__file__).with_name(f"{name}.yaml")
