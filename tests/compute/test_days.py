"""A pool that goes on for days: its failures have no end."""

from steering.compute.batch import Observation
from steering.pools.ledger import Ledger
from steering.pools.rules import Rules


def test_a_job_that_fails_for_days_beside_one_that_works_is_tried_on():
    ledger = Ledger("p", 1, Rules())
    ledger.want(2)
    names = [order.name for order in ledger.orders(0.0)]
    for number, name in enumerate(names):
        ledger.submitted(name, str(number))
    ledger.connected({names[0]: 1}, 0.0)
    now, failing = 0.0, "1"
    for tries in range(1200):
        ledger.observed(failing, Observation("ended", end="failed"), now)
        assert ledger.next_try - now <= Rules().longest_delay
        now += Rules().longest_delay
        (order,) = ledger.orders(now)
        failing = f"again {tries}"
        ledger.submitted(order.name, failing)
    assert ledger.failure == ""
