"""Paths on this machine as people write them in the configuration: relative ones count from that file's folder."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo


def local_path(value: Path, info: ValidationInfo) -> Path:
    """Absolute, or from the configuration file's folder, which the hub gives as `context["folder"]`.

    Without one (a model that is made in a test) a relative path stays as it is written.
    """
    folder = info.context.get("folder") if isinstance(info.context, dict) else None
    return value if folder is None else folder / value


LocalPath = Annotated[Path, AfterValidator(local_path)]


def is_checked(info: ValidationInfo) -> bool:
    """Whether a person is checking the configuration: then what a setting names must be there.

    At a start it may come later (a folder that is not mounted yet), and a model that a test makes may name anything.
    """
    return isinstance(info.context, dict) and info.context.get("at_start") is False
