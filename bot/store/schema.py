"""The tables, as steps forward from an empty database. A step that was released is never changed: add one."""

from __future__ import annotations

from bot.errors import StoreUnusable

# Written so that both databases read the same: TEXT, BIGINT and DOUBLE PRECISION mean the same to SQLite as
# TEXT, INTEGER and REAL do; only the automatic number and rows kept in the order of their key are spelled differently.
_SPELLED = {
    "sqlite": {"number": "INTEGER PRIMARY KEY AUTOINCREMENT", "clustered": " WITHOUT ROWID"},
    "postgresql": {"number": "BIGSERIAL PRIMARY KEY", "clustered": ""},
}

_STEPS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE people (
            person TEXT PRIMARY KEY,
            version BIGINT NOT NULL,
            name TEXT NOT NULL,
            locale TEXT NOT NULL,
            platform TEXT NOT NULL,
            address TEXT NOT NULL,
            blocked BIGINT NOT NULL,
            present TEXT NOT NULL
        )""",
        """CREATE TABLE cases (
            id TEXT PRIMARY KEY,
            person TEXT NOT NULL,
            document TEXT NOT NULL,
            outcome TEXT NOT NULL,
            touched TEXT NOT NULL
        )""",
        "CREATE INDEX cases_of_person ON cases (person)",
        "CREATE INDEX cases_by_age ON cases (touched)",
        """CREATE TABLE log (
            id {number}, at TEXT NOT NULL, case_id TEXT NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL
        )""",
        "CREATE INDEX log_of_case ON log (case_id, id)",
        "CREATE TABLE activities (id TEXT PRIMARY KEY, at DOUBLE PRECISION NOT NULL)",
        "CREATE INDEX activities_by_age ON activities (at)",
        """CREATE TABLE work (
            id {number},
            kind TEXT NOT NULL,
            key TEXT NOT NULL,
            person TEXT NOT NULL,
            payload TEXT NOT NULL,
            due_at DOUBLE PRECISION NOT NULL,
            attempt BIGINT NOT NULL DEFAULT 0,
            fence BIGINT NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            dead_at DOUBLE PRECISION
        )""",
        "CREATE UNIQUE INDEX one_open_piece ON work (kind, key) WHERE dead_at IS NULL",
        "CREATE INDEX work_by_time ON work (due_at) WHERE dead_at IS NULL",
        "CREATE INDEX work_of_person ON work (person)",
    ),
    (
        # What was handled is kept with the person; an index of open cases would change with each turn.
        "DROP TABLE activities",  # in the order in which turns touch them
        "ALTER TABLE people ADD COLUMN handled TEXT NOT NULL DEFAULT ''",
        "DROP INDEX cases_by_age",
        "CREATE INDEX ended_cases ON cases (touched) WHERE outcome <> ''",
        # A card is pending for a moment: as a job it would be in three indexes and out of them again.
        """CREATE TABLE owed (
            person TEXT PRIMARY KEY, until DOUBLE PRECISION NOT NULL, in_place BIGINT NOT NULL
        ){clustered}""",
    ),
    (
        # Activities that were answered before their turn is committed; `activity` is a digest.
        """CREATE TABLE inbox (
            person TEXT NOT NULL, activity TEXT NOT NULL, document TEXT NOT NULL, received_at DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (person, activity)
        ){clustered}""",
        # Activities of people who were erased, so that a repeat brings nothing back; `person` is a digest.
        """CREATE TABLE tombstones (
            person TEXT PRIMARY KEY, handled TEXT NOT NULL, until DOUBLE PRECISION NOT NULL
        ){clustered}""",
        # What all processes together may do a few times at once.
        """CREATE TABLE slots (
            name TEXT NOT NULL, number BIGINT NOT NULL, token TEXT NOT NULL, until DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (name, number)
        ){clustered}""",
        # When the person was last saved, a date: who has not been there for longer than the retention is forgotten.
        "ALTER TABLE people ADD COLUMN touched TEXT NOT NULL DEFAULT ''",
        # Each kind is claimed by itself: ten thousand follow-ups that are due are not read on the way to a ticket.
        "DROP INDEX work_by_time",
        "CREATE INDEX work_by_kind ON work (kind, due_at) WHERE dead_at IS NULL",
    ),
    (
        # What cases came to, by the day they were opened, and what metrics count: nobody is named (`sums.py`).
        """CREATE TABLE sums (
            day TEXT NOT NULL, kind TEXT NOT NULL, label TEXT NOT NULL, number BIGINT NOT NULL,
            PRIMARY KEY (day, kind, label)
        ){clustered}""",
        """CREATE TABLE counters (
            name TEXT NOT NULL, label TEXT NOT NULL, number BIGINT NOT NULL, PRIMARY KEY (name, label)
        ){clustered}""",
        # What a case counts as there, and whether it has changed since; all of before are still to be counted.
        "ALTER TABLE cases ADD COLUMN counted TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE cases ADD COLUMN uncounted BIGINT NOT NULL DEFAULT 1",
        "CREATE INDEX uncounted_cases ON cases (person) WHERE uncounted = 1",
        # Who is signed in to the helpdesk's page, and sign-ins under way; `id` is a digest.
        """CREATE TABLE sessions (
            id TEXT PRIMARY KEY, kind TEXT NOT NULL, person TEXT NOT NULL, document TEXT NOT NULL,
            until DOUBLE PRECISION NOT NULL
        ){clustered}""",
        # The last scan: how many people each cause has, and whom it found affected where pages may name people.
        "CREATE TABLE scans (name TEXT PRIMARY KEY, at TEXT NOT NULL, document TEXT NOT NULL)",
        """CREATE TABLE affected (
            person TEXT PRIMARY KEY, account TEXT NOT NULL, verdict TEXT NOT NULL, cause TEXT NOT NULL
        )""",
        "CREATE INDEX affected_by_account ON affected (account)",
        # Cases by their state. Neither changes with a turn: the one when a case opens or ends, the other when it ends.
        "CREATE INDEX open_cases ON cases (id) WHERE outcome = ''",
        "CREATE INDEX cases_by_outcome ON cases (outcome, touched) WHERE outcome <> ''",
    ),
)

VERSION = len(_STEPS)


class NewerSchema(StoreUnusable):
    """The database was written by a newer program: using it could lose what that one knows."""

    def __init__(self, found: int) -> None:
        super().__init__(f"the database has schema {found}, this program knows up to {VERSION}: use a newer program")
        self.found = found


def statements(dialect: str, version: int) -> tuple[str, ...]:
    """What leads from `version` to the next one."""
    return tuple(text.format(**_SPELLED[dialect]) for text in _STEPS[version])


class OlderSchema(StoreUnusable):
    """The database was written by an older program, and this use of it changes nothing."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"the database has schema {found}, this program needs {VERSION}: photosync serve brings it there"
        )
        self.found = found
