"""Clients of the SDK that answer or fail at once: all waiting is :class:`steering.globus.patience.Patience`'s."""

from typing import TypeVar

import globus_sdk
from globus_sdk.transport import (
    RequestsTransport,
    RetryCheckCollection,
    RetryCheckFlags,
    RetryCheckResult,
    RetryContext,
    set_retry_check_flags,
)

from steering.machine.direct import is_loopback

Client = TypeVar("Client", bound=globus_sdk.BaseClient)
# After so long without a byte an answer counts as lost, in seconds.
_TIMEOUT = 30.0


def quick(url: str) -> RequestsTransport:
    """Make a transport for a service; one on this machine never goes through a proxy."""
    made = RequestsTransport(http_timeout=_TIMEOUT)
    if is_loopback(url):
        made.session.trust_env = False
    return made


def plain(client: Client) -> Client:
    """Turn off the SDK's retries, which sleep where nothing can cancel them; a token that ran out is renewed once."""
    client.retry_config.max_retries = 1
    client.retry_config.backoff = _at_once
    client.retry_config.checks = RetryCheckCollection()
    client.retry_config.checks.register_check(_renew)
    return client


def _at_once(_: RetryContext) -> float:
    return 0.0


@set_retry_check_flags(RetryCheckFlags.RUN_ONCE)
def _renew(context: RetryContext) -> RetryCheckResult:
    """Ask again with a new token if the old one is not accepted."""
    authorizer = context.caller_info.authorizer
    if context.response is None or context.response.status_code != 401 or authorizer is None:
        return RetryCheckResult.no_decision
    renewed = authorizer.handle_missing_authorization()
    return RetryCheckResult.do_retry if renewed else RetryCheckResult.no_decision
