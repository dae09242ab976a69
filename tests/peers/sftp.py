"""A real SFTP server on loopback (asyncssh), with the ways in which a kitchen's server misbehaves."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

USER, PASSWORD = "kok", "lösen-ord-1"


@dataclass
class Peer:
    """What runs: where, with which key, and what it does wrong. `root` is what its clients see as /."""

    root: Path
    port: int
    host_key: str
    faults: "Faults"
    authorized: list[asyncssh.SSHKey] = field(default_factory=list)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings of a wire that reaches it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "username": USER,
            "password": PASSWORD,
            "host_key": self.host_key,
            "path": "/in",
            "timeout_s": 2,
            "deadline_s": 5,
            **changes,
        }

    def transport(self, **changes: Any) -> dict[str, Any]:
        """The same as the kitchen connector's `transport`."""
        return {"kind": "sftp", **self.settings(**changes)}

    def files(self) -> dict[str, bytes]:
        """What stands in its folder /in."""
        return {path.name: path.read_bytes() for path in (self.root / "in").iterdir()}


@dataclass
class Faults:
    """Set one and the server does it from then on. `renamed`: the final names, in the order in which they came."""

    freeze_at: str = ""  # auth | write | rename | read: never answers
    cut_at: str = ""  # write | rename: breaks the connection, once
    full_after: int | None = None  # bytes that fit on its disk
    truncate: bool = False  # loses the last byte of what is written
    takes: bool = False  # its consumer takes each file as soon as it has its name
    on_take: Callable[[str, bytes], object] = lambda name, content: None
    refuses: frozenset[str] = frozenset()  # requests that it denies, by the names of asyncssh's methods
    down: bool = False  # breaks every connection as it comes
    delay_s: float = 0  # how long it takes to let somebody in
    renamed: list[str] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def freeze(self, at: str) -> None:
        if self.freeze_at == at:
            await self.released.wait()


class _Server(asyncssh.SSHServer):
    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        if self._peer.faults.down:
            conn.abort()

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        await self._peer.faults.freeze("auth")
        await asyncio.sleep(self._peer.faults.delay_s)
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key in self._peer.authorized


class _Sftp(asyncssh.SFTPServer):
    def __init__(self, channel: Any, peer: Peer) -> None:
        super().__init__(channel, chroot=str(peer.root))
        self._faults = peer.faults
        self._connection = channel.get_connection()
        for name in self._faults.refuses:
            setattr(self, name, _denied)

    def _cut(self, at: str) -> None:
        if self._faults.cut_at == at:
            self._faults.cut_at = ""
            self._connection.abort()
            raise asyncssh.SFTPConnectionLost("cut")

    async def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        await self._faults.freeze("read")
        return super().read(file_obj, offset, size)  # type: ignore[no-any-return]

    async def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        await self._faults.freeze("write")
        limit = self._faults.full_after
        if limit is not None and offset + len(data) > limit:
            super().write(file_obj, offset, data[: max(0, limit - offset)])
            raise OSError(28, "No space left on device")
        if self._faults.cut_at == "write":
            super().write(file_obj, offset, data[: len(data) // 2])
            file_obj.flush()
            self._cut("write")
        if self._faults.truncate:
            super().write(file_obj, offset, data[:-1] + b"x")
            return len(data)
        return super().write(file_obj, offset, data)  # type: ignore[no-any-return]

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._renamed(super().rename, oldpath, newpath)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._renamed(super().posix_rename, oldpath, newpath)

    async def _renamed(self, rename: Callable[[bytes, bytes], Any], old: bytes, new: bytes) -> None:
        await self._faults.freeze("rename")
        self._cut("rename")
        rename(old, new)
        self._faults.renamed.append(new.decode())
        if self._faults.takes:
            path = Path(os.fsdecode(self.map_path(new)))
            self._faults.on_take(path.name, path.read_bytes())
            path.unlink()


async def _denied(*_: Any, **__: Any) -> None:
    raise asyncssh.SFTPPermissionDenied("denied")


@asynccontextmanager
async def sftp_peer(root: Path) -> AsyncIterator[Peer]:
    """Run one. Its clients' folder is /in; its key is new each time."""
    (root / "in").mkdir(parents=True, exist_ok=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    peer = Peer(root, 0, key.export_public_key().decode().strip(), Faults())
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        server_factory=lambda: _Server(peer),
        sftp_factory=lambda channel: _Sftp(channel, peer),
    )
    peer.port = server.get_port()
    try:
        yield peer
    finally:
        peer.faults.released.set()
        server.close()
        await server.wait_closed()
