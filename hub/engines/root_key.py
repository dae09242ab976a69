"""The key of the embedded engine's files: created at the first start, and checked against the data at later ones.

With another key the hub would seem to work, but give every person a new pseudonym and refuse every recipient's cursor.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from hub import keys as key_file
from hub.config import HubConfig
from hub.keys import Keys
from hub.store import key_fingerprints
from hub.store.base import Store
from plugins.errors import ConfigurationError

FILE: Final = "key"  # in the data folder, unless the configuration names another

_PUT_BACK: Final = "Put back the key that this data was made with (`key:` in the configuration, else data/key)"


async def open_keys(config: HubConfig, store: Store) -> Keys:
    """The keys of the data in `store`. Creates a key only if no data belongs to one yet.

    Raises ConfigurationError (code `wrong-key`, `key-missing`), OSError if the file cannot be read or created.
    """
    made_with = await store.read(key_fingerprints.load(store.tenant))
    path = config.data / FILE
    if config.key is not None:
        root = config.key.get_secret_value()
    elif made_with is not None and not path.exists():
        raise ConfigurationError(
            "the hub's key is missing",
            why=f"the data was made with the key in {path}, and that file does not exist",
            fix=_PUT_BACK,
            code="key-missing",
        )
    else:
        try:
            root = key_file.load_or_create(path)
        except ValueError as error:
            raise ConfigurationError(str(error), fix=_PUT_BACK, code="wrong-key") from None
    keys = Keys(root)
    if made_with not in (None, keys.fingerprint(store.tenant)):
        raise ConfigurationError(
            "the hub's key differs from the key that its data was made with",
            why="with this key, persons would get new pseudonyms, and cursors and sealed secrets could not be read",
            fix=_PUT_BACK,
            code="wrong-key",
        )
    return keys


async def remember(keys: Keys, store: Store) -> None:
    """Store that the data belongs to these keys, unless that is stored already. Raises StoreUnavailable."""
    if await store.read(key_fingerprints.load(store.tenant)) is None:
        await store.commit(key_fingerprints.save(store.tenant, keys.fingerprint(store.tenant)))


def made_with(store: Path) -> dict[str, bytes]:
    """The fingerprints by tenant in the file of a store that no hub has open. Empty if the file has none."""
    # Opened as immutable if there is no WAL, since a backup may be on read-only media.
    immutable = int(not store.with_name(f"{store.name}-wal").exists())
    try:
        uri = f"{store.absolute().as_uri()}?mode=ro&immutable={immutable}"
        with closing(sqlite3.connect(uri, uri=True)) as reading:
            return dict(reading.execute("SELECT tenant, fingerprint FROM key_fingerprints"))
    except sqlite3.Error:  # older than fingerprints, or damaged: opening it as a store will report that
        return {}


def fits(key: bytes, made: dict[str, bytes]) -> bool:
    """Whether these bytes are a key, and the data of all tenants in `made` belongs to it."""
    return len(key) == key_file.KEY_BYTES and all(
        Keys(key).fingerprint(tenant) == fingerprint for tenant, fingerprint in made.items()
    )
