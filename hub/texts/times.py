"""A moment as people at the school read it."""

from datetime import datetime

from schemas.school_time import SCHOOL_ZONE


def shown(moment: datetime) -> str:
    """An aware time as `2026-11-24 07:42:11`, in the school's zone."""
    return f"{moment.astimezone(SCHOOL_ZONE):%Y-%m-%d %H:%M:%S}"
