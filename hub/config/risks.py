"""What a valid configuration leaves open to attackers: the warnings of `skolnav check` about secrets and the door."""

import math
import os
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple

from hub.config.findings import Path as Place
from hub.config.model import ClientConfig, FileModel, Role
from hub.outbound.addresses import is_loopback
from plugins.connector import Connector
from schemas import Catalogue
from schemas.directory import DirectoryCurrent

_NARROW: Final = {4: 8, 6: 16}  # by IP version: a range of public addresses with a shorter prefix holds clients too
LEAST_BITS: Final = 128  # of a token or secret that can't be guessed
_OTHERS_READ: Final = 0o044
_FAMILY: Final = "se.skolnav.directory.*"
# The kitchen's codes have a source of their own, and a source says of itself alone that it is complete.
_INDEPENDENT: Final = ("se.skolnav.directory.diet.*", "se.skolnav.directory.current.*")
_ALPHABETS: Final = (
    frozenset(string.digits),
    frozenset(string.digits + "abcdef"),
    frozenset(string.digits + "ABCDEF"),
)
_PARTS: Final = tuple(map(frozenset, (string.digits, string.ascii_lowercase, string.ascii_uppercase)))
_BASE64: Final = 64  # a short token of base64 may happen to have letters only
_SYMBOLS: Final = 32  # printable ASCII characters that are neither letters nor digits


class Risk(NamedTuple):
    """A warning: its place in the file, the key of its text, and the text's values."""

    place: Place
    key: str
    values: Mapping[str, object]


def of_secret(place: Place, secret: str) -> Iterator[Risk]:
    """For a token or secret by which the hub knows a client, or a recipient knows the hub."""
    if bits(secret) < LEAST_BITS:
        yield Risk(place, "warning.weak-secret", {"least": LEAST_BITS})


def of_files(files: Mapping[Place, Path]) -> Iterator[Risk]:
    """For files that hold secrets, with the places that refer to them."""
    for place, path in files.items():
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # reported as an error, or gone meanwhile
        if mode & _OTHERS_READ:
            yield Risk(place, "warning.secret-readable", {"path": path})


def of_door(model: FileModel) -> Iterator[Risk]:
    """For an address that other machines reach: HTTP without encryption, unless a proxy is in front."""
    host = model.listen[0]
    if not is_loopback(host) and not model.trusted_proxies:
        yield Risk(("listen",), "warning.public", {"host": host})


def of_proxies(model: FileModel) -> Iterator[Risk]:
    """For ranges of trusted proxies that are so wide that clients are among them, who could claim any address."""
    for index, network in enumerate(model.trusted_proxies):
        if network.prefixlen < _NARROW[network.version] and not network.is_private:
            yield Risk(("trusted_proxies", index), "warning.proxies-wide", {"least": _NARROW[network.version]})


def of_records(model: FileModel) -> Iterator[Risk]:
    """For a log of disclosures that forgets what became of events that the hub still has."""
    if model.disclosure_retention < model.retention:
        yield Risk(("disclosure_retention",), "warning.disclosures-short", {})


def of_backups(model: FileModel, folder: Path) -> Iterator[Risk]:
    """For backups that are lost with the data, or that can't be made.

    `folder`: what relative paths in the file count from.
    """
    if model.backups is None:
        return
    data, backups = ((folder / each).resolve() for each in (model.data, model.backups.folder))
    if backups.is_relative_to(data):
        yield Risk(("backups", "folder"), "warning.backups-inside", {"data": data})
    there = next(each for each in (backups, *backups.parents) if each.exists())  # the hub makes the folders below it
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Risk(("backups", "folder"), "warning.backups-locked", {"folder": there})


def of_ended(place: Place, secret: str, until: datetime | None) -> Iterator[Risk]:
    """For a secret that is still written, although its time is over."""
    if until is not None and until <= datetime.now(UTC):
        yield Risk((*place, f"{secret}_until"), "warning.ended", {"secret": secret})


def of_directory(
    clients: Iterable[tuple[Place, ClientConfig]], sources: Sequence[str], catalogue: Catalogue
) -> Iterator[Risk]:
    """For publishers of directory events none of whose sources is among `directory.sources`."""
    directory = set(catalogue.matching([_FAMILY])) - set(catalogue.matching(_INDEPENDENT))
    for place, client in clients:
        if Role.PUBLISHER not in client.roles:
            continue
        published = directory if client.publishes is None else directory & set(catalogue.matching(client.publishes))
        globs = ("*",) if client.sources is None else client.sources
        if published and not any(overlap(source, glob) for source in sources for glob in globs):
            yield Risk(place, "warning.directory-publisher", {})


def loads_directory(cls: type[Connector[Any]]) -> bool:
    """Whether a connector says that the directory is complete."""
    return DirectoryCurrent in cls.produces


def may_load_directory(client: ClientConfig, catalogue: Catalogue) -> bool:
    """Whether a client may say that the directory is complete."""
    if Role.PUBLISHER not in client.roles:
        return False
    return client.publishes is None or DirectoryCurrent.spec.type in catalogue.matching(client.publishes)


def bits(secret: str) -> float:
    """How many bits a secret of this length and these characters has at most, as if each were chosen by chance."""
    secret = secret.removeprefix("whsec_").removeprefix("whsk_").rstrip("=")
    secret = secret[: (secret + secret).find(secret, 1)]  # what is repeated again and again counts once
    used = set(secret)
    if not used:
        return 0.0
    size = next((len(alphabet) for alphabet in _ALPHABETS if used <= alphabet), None)
    if size is None:
        size = sum(len(part) for part in _PARTS if used & part)
        size += _SYMBOLS if used - frozenset().union(*_PARTS) else 0
        if used & _PARTS[1] and used & _PARTS[2]:
            size = max(size, _BASE64)
    if len(used) * 4 < min(size, len(secret)):  # a few characters in some order
        size = len(used)
    return len(secret) * math.log2(size)


def overlap(one: str, other: str) -> bool:
    """Two globs, of which one covers the other."""
    return fnmatchcase(one, other) or fnmatchcase(other, one)
