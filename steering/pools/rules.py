"""How patient a pool's ledger is."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """How patient a ledger is.

    Attributes:
        tries: Jobs in a row whose workers never came before the pool stops; and refusals in a row before it is said
            that there is trouble, and tried slowly.
        delay: Seconds before the second try; doubled with each further one, up to ``longest_delay``.
        longest_delay: Seconds.
        handover: Seconds before the end of a job's walltime at which its successor is submitted.
        jobs_most: Most jobs that the queue lets this user have; 0 for no limit.
        hours: Node-hours after which nothing more is submitted.
        short_lives: Jobs in a row that end by themselves within a minute before the pool stops.
        refused_delay: Seconds between slow tries after a refusal; doubled with each, up to ``refused_longest``.
        refused_longest: Seconds.
        patience: Seconds for which refusals in a row are tried on; infinite for as long as the order stands.
        certain: Seconds after an unanswered submission before a batch system that denies it is believed.
        workers: Workers of one whole job; 0 if that is not known.
        half: Seconds for which a job may lack some of its workers before it is replaced.
    """

    tries: int = 3
    delay: float = 1.0
    longest_delay: float = 60.0
    handover: float = 120.0
    jobs_most: int = 0
    hours: float = math.inf
    short_lives: int = 6
    refused_delay: float = 5.0
    refused_longest: float = 300.0
    patience: float = math.inf
    certain: float = 40.0
    workers: int = 0
    half: float = 180.0
