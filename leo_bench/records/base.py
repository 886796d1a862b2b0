"""Base of all records."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of all records: no unknown fields, no NaN, no infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    sealed: ClassVar[bool] = False
    """True if the file ends with a digest over all fields, so that an edit by hand is seen (files.py)."""
