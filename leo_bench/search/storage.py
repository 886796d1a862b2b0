"""Connection to the database that the workers of a search share: SQLite or PostgreSQL."""

import re
import warnings
from pathlib import Path

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from leo_bench.errors import LeoBenchError
from leo_bench.search.trial_states import retry_dead

HEARTBEAT_SECONDS = 10
"""Time between two signs of life of a running trial."""
GRACE_SECONDS = 60
"""Time without a sign of life after which a running trial counts as dead."""
FORMS = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
"""Addresses of databases that can be used."""
DATABASE_ERRORS = (SQLAlchemyError, StorageInternalError)


def sqlite_url(folder: Path) -> str:
    """Return the address of the database in the search's own folder, the default."""
    path = str((folder / "optuna.db").resolve())
    return URL.create("sqlite", database=path).render_as_string(hide_password=False)  # a path may hold ? or %


def open_storage(url: str, heartbeat: int | None = None, grace: int | None = None) -> RDBStorage:
    """Connect to the database. Raises LeoBenchError, without the password, if that fails.

    heartbeat, grace: seconds; HEARTBEAT_SECONDS and GRACE_SECONDS if None.
    """
    _check_address(url)
    options = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {"pool_pre_ping": True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                url,
                engine_kwargs=options,
                heartbeat_interval=heartbeat or HEARTBEAT_SECONDS,
                grace_period=grace or GRACE_SECONDS,
                heartbeat_stale_trial_callback=retry_dead,
            )
    except ImportError as error:
        raise LeoBenchError(
            f"no driver for {without_password(url)} ({error}); for PostgreSQL: pip install 'leo_bench[postgres]'"
        ) from None
    except RuntimeError as error:  # Optuna's word for a database of another schema
        raise LeoBenchError(_other_schema(url, error)) from None
    except (*DATABASE_ERRORS, ValueError) as error:
        raise LeoBenchError(f"cannot open the database {without_password(url)}: {in_one_line(error, url)}") from None


def _check_address(url: str) -> None:
    """Raise LeoBenchError if an address has another form than FORMS, or names a file in a folder that is missing."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise LeoBenchError(f"{without_password(url)!r} is no address of a database; expected {FORMS}") from None
    kind = address.get_backend_name()
    if kind not in ("sqlite", "postgresql"):
        raise LeoBenchError(f"a search keeps no trials in {kind} ({without_password(url)}); expected {FORMS}")
    if kind == "sqlite" and address.database and not (folder := Path(address.database).parent).is_dir():
        raise LeoBenchError(f"{folder}/, the folder of {without_password(url)}, is missing; make it, or name another")


def _other_schema(url: str, error: RuntimeError) -> str:
    """Return what to do with a database that another version of Optuna has made."""
    words = f"the database {without_password(url)} cannot be used by Optuna {optuna.__version__}"
    if "schema" not in str(error):
        return f"{words}: {in_one_line(error, url)}"
    mend = (
        "remove its file: the next call makes it again from trials.json"
        if url.startswith("sqlite")
        else "copy it and run `optuna storage upgrade --storage URL`, or name another database"
    )
    return f"{words}, since another version made it with another schema; {mend}"


def in_one_line(error: Exception, url: str) -> str:
    """Return a database's error in one line. For SQLite it adds that the file can be removed."""
    cause = error.__cause__ or error
    reason = " ".join(str(getattr(cause, "orig", None) or cause).split())[:300]
    hint = "; you can remove its file: the next call makes it again from trials.json"
    return without_password(reason) + (hint if url.startswith("sqlite") else "")


def without_password(url: str) -> str:
    """Return a database's address without its password and without everything after a question mark."""
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        return re.sub(r"://.*@", "://***@", url).split("?")[0]
    plain = address.set(query={}).render_as_string(hide_password=True)
    return re.sub(r"(://[^:/@]*):.*@", r"\1:***@", plain)  # an @ inside the password ends it too early above
