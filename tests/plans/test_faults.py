import pytest
from bluesky.utils import FailedStatus

from steering.core.errors import SteeringError
from steering.plans.faults import words

DEVICES = {"SIM:th.": "motor th", "SIM:det:": "detector", "det-": "detector"}


class Status:
    def __init__(self, error):
        self.error = error

    def exception(self):
        return self.error


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (TimeoutError("ca://SIM:th.RBV"), "The motor th does not answer (SIM:th.RBV). Check that its IOC runs."),
        (
            TimeoutError("Timeout Error while waiting 12.0s to update ['ca://SIM:det:HDF1:N']. Last was ()"),
            "The detector does not answer (SIM:det:HDF1:N). Check that its IOC runs.",
        ),
        (TimeoutError("pva://OTHER:x"), "OTHER:x does not answer. Check that its IOC runs."),
        (
            TimeoutError("det-driver-acquire didn't provide an initial value within 10.0s, is it connected?"),
            "The detector does not answer (det-driver-acquire). Check that its IOC runs.",
        ),
        (TimeoutError(), "A device did not answer in time. Check that its IOC runs."),
        (
            FailedStatus(Status(TimeoutError("ca://SIM:th.VAL"))),
            "The motor th does not answer (SIM:th.VAL). Check that its IOC runs.",
        ),
        (FailedStatus(Status(None)), "A device failed and did not say why."),
        (FailedStatus(), "A device failed and did not say why."),
        (SteeringError("As it is."), "As it is."),
        (RuntimeError("two\n  lines"), "two lines."),
        (ValueError(), "ValueError."),
    ],
)
def test_what_a_device_raises_is_a_sentence_and_never_a_repr(error, sentence):
    assert words(error, DEVICES) == sentence
    assert words(RuntimeError("x" * 1000), DEVICES) == "x" * 300 + "."


def test_the_cause_of_a_failed_status_is_told():
    failed = FailedStatus(Status(None))
    failed.__cause__ = TimeoutError("ca://SIM:det:cam1:Acquire")
    assert words(failed, DEVICES).startswith("The detector does not answer")
