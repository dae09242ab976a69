"""When the certificates end that the configuration names."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from cryptography.x509 import InvalidVersion, load_pem_x509_certificates
from pydantic import BaseModel

_MOST: Final = 1 << 20  # bytes; a file with more holds the authorities of a whole machine


def ends(config: BaseModel) -> Iterator[tuple[Path, datetime]]:
    """Each file with certificates, with the earliest end of a certificate in it. Unreadable files are left out."""
    for path in dict.fromkeys(_paths(config)):
        try:
            if not path.is_file() or path.stat().st_size > _MOST:
                continue
            content = path.read_bytes()
        except OSError:
            continue  # `check` names it; a connector that needs it says so too
        if (end := first_end(content)) is not None:
            yield path, end


def first_end(pem: bytes) -> datetime | None:
    """When the first of these certificates ends; None if there is none that can be read."""
    if b"-----BEGIN CERTIFICATE-----" not in pem:
        return None
    try:
        return min(each.not_valid_after_utc for each in load_pem_x509_certificates(pem))
    except (ValueError, InvalidVersion):
        return None


def _paths(value: Any) -> Iterator[Path]:
    if isinstance(value, BaseModel):
        yield from _paths([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, Mapping):
        yield from _paths(list(value.values()))
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _paths(each)
    elif isinstance(value, Path):
        yield value
