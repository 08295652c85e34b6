"""Every way a request ends without a turn: its reason, as counted and logged, and its status, which is all the caller
learns."""

from __future__ import annotations

STATUSES = {
    # who is calling
    "no_token": 401,
    "bad_token": 401,
    "algorithm": 401,
    "unknown_key": 401,
    "signature": 401,
    "expired": 401,
    "not_yet_valid": 401,
    "issuer": 401,
    "audience": 401,
    "missing_claim": 401,
    # for this activity
    "no_service_url": 401,
    "service_url": 401,
    "channel": 401,
    "not_endorsed": 401,
    # known, and not for us to serve
    "service_host": 403,
    "tenant": 403,
    # the request itself
    "content_type": 415,
    "too_large": 413,
    "slow": 408,
    "not_an_activity": 400,
    "unknown_invoke": 501,
    # ourselves
    "busy": 503,
    "too_many": 503,
    "closing": 503,
    "no_keys": 503,
    "store": 503,
    "error": 500,
}
"""Reason -> status. The reasons are labels of `photosync_refused_total`."""


class Refusal(Exception):
    """The request is not honoured, for one of the reasons of `STATUSES`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = STATUSES[reason]
