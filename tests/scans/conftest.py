"""A RunEngine and soft motors, as the plans' tests have them."""

from tests.plans.conftest import engine, motors

__all__ = ["engine", "motors"]
