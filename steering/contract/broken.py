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


def require_kind(value: object, kind: type, sentence: str) -> None:
    """Raise unless a value is of a kind, whatever its annotation promises.

    Raises:
        ContractError: With the sentence and what it is instead.
    """
    if not isinstance(value, kind):
        message = f"{sentence}, but is a {type(value).__name__}"
        raise ContractError(message)
