"""What a contract kit raises."""


class ContractError(AssertionError):
    """A plugin does not keep its contract."""


def require(condition: object, sentence: str) -> None:
    """Raise unless a condition holds.

    Raises:
        ContractError: With the sentence.
    """
    if not condition:
        raise ContractError(sentence)
