"""The hub's keys: all of them derive from one 32-byte key (HKDF, RFC 5869)."""

import hashlib
import os
import secrets
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


class Keys:
    """Derived keys by purpose. The root key itself never leaves this class."""

    def __init__(self, root: bytes) -> None:
        if len(root) != KEY_BYTES:
            raise ValueError("the key must be 32 bytes")
        self._root = root

    def derive(self, purpose: str, length: int = KEY_BYTES) -> bytes:
        """The key for a purpose, the same at every start. `purpose` names tenant, use and owner."""
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(self._root)

    def fingerprint(self, tenant: str) -> bytes:
        """A value that identifies this key for a tenant's data, and reveals nothing about it."""
        return self.derive(f"fingerprint/{tenant}")

    def pseudonyms(self, recipient: str) -> "Pseudonyms":
        return Pseudonyms(self.derive(f"pseudonym/{recipient}"))

    def sealer(self, purpose: str) -> "Sealer":
        return Sealer(self.derive(f"seal/{purpose}"))


class Pseudonyms:
    """One recipient's stable pseudonyms for persons.

    A permutation of UUIDs (one AES block under the recipient's key). A pseudonym looks like an SS 12000 id and differs
    between recipients. Only the hub can reverse it, which `GET /v1/state` needs.
    """

    def __init__(self, key: bytes) -> None:
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - one block, used as a permutation
        self._encrypt = cipher.encryptor()
        self._decrypt = cipher.decryptor()
        self._known: dict[str, str] = {}

    def of(self, person: str) -> str:
        """The pseudonym of a lower-case SS 12000 id."""
        known = self._known.get(person)
        if known is None:
            if len(self._known) > 100_000:
                self._known.clear()
            known = str(uuid.UUID(bytes=self._encrypt.update(uuid.UUID(person).bytes)))
            self._known[person] = known
        return known

    def in_bytes(self, persons: Sequence[str]) -> list[bytes]:
        """The pseudonyms of many SS 12000 ids, 16 bytes each, in the same order. For sorting: nothing is cached.

        An id that is no UUID gets bytes of its own too.
        """
        blocks = self._encrypt.update(b"".join(map(_block, persons)))
        return [blocks[at : at + 16] for at in range(0, len(blocks), 16)]

    def person(self, pseudonym: str) -> str:
        """The SS 12000 id behind a pseudonym, or noise for any other UUID. Raises ValueError if it is not a UUID."""
        return str(uuid.UUID(bytes=self._decrypt.update(uuid.UUID(pseudonym).bytes)))


def _block(person: str) -> bytes:
    try:
        return uuid.UUID(person).bytes
    except ValueError:
        return hashlib.blake2b(person.encode(), digest_size=16).digest()


class Sealer:
    """Makes and reads opaque tokens; only the hub can do either. Two tokens with the same content differ."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, content: bytes, bound_to: bytes = b"") -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._aead.encrypt(nonce, content, bound_to)

    def open(self, sealed: bytes, bound_to: bytes = b"") -> bytes:
        """The content of a token. Raises ValueError for anything that this key did not seal for this use."""
        try:
            return self._aead.decrypt(sealed[:12], sealed[12:], bound_to)
        except Exception:
            raise ValueError("not sealed by this hub") from None


def load_or_create(path: Path) -> bytes:
    """The key in the hub's key file, which the first start creates (mode 0600). Raises ValueError if it has no key."""
    if not path.exists():
        _create(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is not a {KEY_BYTES}-byte key")
    return key


def _create(path: Path) -> None:
    """Create the file. It gets its name once it is complete, so that an interrupted start leaves no incomplete key."""
    beginning = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    handle = os.open(beginning, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another start was faster, and its key is valid
            os.link(beginning, path)
    finally:
        beginning.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
