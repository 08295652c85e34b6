"""What can go wrong, by type.

    PhotosyncError
    ├── SettingsError            wrong or missing settings, all of them at once
    ├── LocalesError             a language's tag or file that `photosync locales` cannot work with
    ├── NotAPicture              bytes that are not a picture we open
    ├── StoreUnavailable         what we know of people cannot be read or written now
    │   ├── StoreRefused         a statement was refused: by the schema, a trigger, a right, or for its values
    │   └── StoreUnusable        and waiting does not help: the sentence says what to do
    └── OutsideError             another system did not give what we asked
        ├── Refused              it said no to us: our sign-in failed or a permission is missing
        ├── NotFound             it has no such thing
        ├── Throttled            it asked us to wait longer than this check can
        ├── Outage               it failed, or could not be reached
        │   └── TimedOut         it did not answer in time
        └── Malformed            it answered something that makes no sense

An error is never shown to a person: the edge turns it into a verdict's reason or a status code.
"""

from __future__ import annotations


class PhotosyncError(Exception):
    """The root of this product's own errors."""


class SettingsError(PhotosyncError):
    """Settings are wrong or missing; `problems` has one line for each, naming the setting, never its value."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class LocalesError(PhotosyncError):
    """A tag that is no language, or a file that cannot be worked on; the sentence says what to do."""


class NotAPicture(PhotosyncError):
    """The bytes cannot be compared; `reason` is one of `bot.photos.decode.REFUSALS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StoreUnavailable(PhotosyncError):
    """The store cannot be reached; the channel shall deliver the activity again."""


class StoreRefused(StoreUnavailable):
    """The database answers, and refuses a statement: others may work, and this one once what is in its way is gone."""


class StoreUnusable(StoreUnavailable):
    """The database that the settings name cannot be used as it is; the sentence names it and says what to do."""


class OutsideError(PhotosyncError):
    """`system` is `graph`, `login`, `sharepoint`, `teams` or `tickets`; `detail` is safe to log: a status, a code,
    a path without a person in it, never a token or a body.

    Who keeps one raises `copy.copy` of it: what is raised again and again holds the frames of all who met it."""

    def __init__(self, system: str, detail: str) -> None:
        super().__init__(system, detail)  # what a copy is made of
        self.system = system
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.system}: {self.detail}"


class Refused(OutsideError):
    """401 or 403; `permission` names what an admin has to grant, or is empty when that is not known."""

    def __init__(self, system: str, detail: str, permission: str = "") -> None:
        super().__init__(system, detail)
        self.permission = permission


class NotFound(OutsideError):
    """404 and its relatives; `code` is the service's own error code, or empty."""

    def __init__(self, system: str, detail: str, code: str = "") -> None:
        super().__init__(system, detail)
        self.code = code


class Throttled(OutsideError):
    """429; `retry_after` in seconds as the service asked, or None."""

    def __init__(self, system: str, detail: str, retry_after: float | None = None) -> None:
        super().__init__(system, detail)
        self.retry_after = retry_after


class Outage(OutsideError):
    """5xx, a refused or broken connection."""


class TimedOut(Outage):
    """The deadline passed."""


class Malformed(OutsideError):
    """An answer of the wrong type, shape or size."""


def location(error: BaseException) -> str:
    """File and line where it happened: for the log, since an exception's own text may hold what people wrote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
