"""The wire: whole files to a folder or an SFTP server, never a half one, never over one that is there.

Write `<name>.part`, rename, read back, compare. A `.part` that a crash left behind is overwritten. Blocking: call it
in `ctx.blocking`. Errors never quote what is in a file or what the server says. What the far side may mend by itself
(away, slow, full, folder not mounted) is a TemporaryError; another host key or a refused login is a ConfigurationError,
since only a person can mend it: trying on would lock the account or talk to an impostor.
"""

import errno
import io
import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final, NoReturn, Protocol

import paramiko

from connectors.catering.config import FolderTransport, SftpTransport
from plugins import ConfigurationError, TemporaryError

_KEEPALIVE_S: Final = 15


class Put(StrEnum):
    """What became of a file."""

    WRITTEN = "written"
    THERE = "there"  # the same bytes stand under that name: nothing was done
    TAKEN = "taken"  # other bytes stand under that name: nothing was done


class Client(Protocol):
    def put(self, name: str, content: bytes) -> Put:
        """Make a file, and return once it was read back. Raises TemporaryError, ConfigurationError."""

    def probe(self) -> None:
        """A round trip with a file of its own that is removed again. Raises as `put` does."""


def open_client(transport: FolderTransport | SftpTransport) -> Client:
    """The client for a transport. Opens nothing yet: each call makes its own connection."""
    return FolderClient(transport) if isinstance(transport, FolderTransport) else SftpClient(transport)


class _Files(Protocol):
    """The few things that a far side must be able to do. All raise OSError."""

    def read(self, name: str, limit: int) -> bytes:
        """At most `limit` bytes. Raises FileNotFoundError."""

    def write(self, name: str, content: bytes) -> None: ...

    def rename(self, old: str, new: str) -> None:
        """At once, replacing what is there."""

    def remove(self, name: str) -> None: ...


def _put(files: _Files, name: str, content: bytes) -> Put:
    # One byte more than expected, so that a longer file is seen to differ and a huge one is not read.
    limit = len(content) + 1
    try:
        return Put.THERE if files.read(name, limit) == content else Put.TAKEN
    except FileNotFoundError:
        pass
    part = f"{name}.part"
    files.write(part, content)
    if files.read(part, limit) != content:
        files.remove(part)
        raise _unverified(name)
    files.rename(part, name)
    if files.read(name, limit) != content:
        raise _unverified(name)
    return Put.WRITTEN


def _probe(files: _Files) -> None:
    name = f"SKOLNAV_TEST_{secrets.token_hex(8)}.tmp"
    _put(files, name, b"Skolnav: test file, may be removed\r\n")
    files.remove(name)


def _unverified(name: str) -> TemporaryError:
    return TemporaryError(
        f"catering: {name} was written but reads differently",
        why="the far side changed, cut or moved it",
        fix="See whether its disk is full or another program takes files before they are complete",
        code="unverified",
    )


class FolderClient:
    """A folder on this machine."""

    def __init__(self, transport: FolderTransport) -> None:
        self._folder = transport.path

    def put(self, name: str, content: bytes) -> Put:
        with self._errors():
            return _put(_LocalFiles(self._folder), name, content)

    def probe(self) -> None:
        with self._errors():
            _probe(_LocalFiles(self._folder))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise TemporaryError(
                "catering: the kitchen's folder can't be used",
                why=_reason(error),
                fix="Check transport.path: that it is mounted, that the hub may write there, and that it has room",
                code="folder",
            ) from None


class _LocalFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str, limit: int) -> bytes:
        self._folder.stat()  # a folder that is missing is not a file that is missing
        with (self._folder / name).open("rb") as file:
            return file.read(limit)

    def write(self, name: str, content: bytes) -> None:
        with (self._folder / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        os.replace(self._folder / old, self._folder / new)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()


class SftpClient:
    """An SFTP server whose host key is pinned."""

    def __init__(self, transport: SftpTransport) -> None:
        self._to = transport

    def put(self, name: str, content: bytes) -> Put:
        with self._session() as files:
            return _put(files, name, content)

    def probe(self) -> None:
        with self._session() as files:
            _probe(files)

    @contextmanager
    def _session(self) -> Iterator[_Files]:
        to = self._to
        client = self._pinned_client()
        watchdog: threading.Timer | None = None
        try:
            sock = socket.create_connection((to.host, to.port), timeout=to.timeout_s)
            # paramiko's own time-outs restart with each byte, and opening the SFTP channel has none. Closing the
            # socket ends whatever it waits for.
            watchdog = threading.Timer(to.deadline_s, _cut, (sock,))
            watchdog.daemon = True
            watchdog.start()
            client.connect(
                to.host,
                to.port,
                to.username,
                password=to.password.get_secret_value() if to.password is not None else None,
                key_filename=str(to.key_file) if to.key_file is not None else None,
                sock=sock,
                timeout=to.timeout_s,
                banner_timeout=to.timeout_s,
                auth_timeout=to.timeout_s,
                channel_timeout=to.timeout_s,
                allow_agent=False,
                look_for_keys=False,
            )
            yield _RemoteFiles(self._open_sftp(client), to.path)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._meant(error) from None
        finally:
            if watchdog is not None:
                watchdog.cancel()
            client.close()

    def _pinned_client(self) -> paramiko.SSHClient:
        to = self._to
        kind, encoded = to.host_key.split()[:2]
        name = to.host if to.port == 22 else f"[{to.host}]:{to.port}"
        try:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {kind} {encoded}")
        except (paramiko.SSHException, ValueError):
            entry = None
        if entry is None or entry.key is None:
            raise ConfigurationError(
                "catering: transport.host_key is no public key",
                fix='Write type and base64 as `ssh-keyscan` shows them: "ssh-ed25519 AAAA..."',
                code="host-key",
            )
        client = paramiko.SSHClient()
        client.get_host_keys().add(name, kind, entry.key)
        client.set_missing_host_key_policy(_RefuseKey())
        return client

    def _open_sftp(self, client: paramiko.SSHClient) -> paramiko.SFTPClient:
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(_KEEPALIVE_S)
        # Not client.open_sftp(): it talks before a time-out can be set on the channel.
        channel = transport.open_session(timeout=self._to.timeout_s)
        channel.settimeout(self._to.timeout_s)
        channel.invoke_subsystem("sftp")
        return paramiko.SFTPClient(channel)

    def _meant(self, error: Exception) -> ConfigurationError | TemporaryError:
        if isinstance(error, paramiko.BadHostKeyException | _UnknownKey):
            return ConfigurationError(
                "catering: the SFTP server shows another host key than transport.host_key",
                why="it was reinstalled, or something stands in between; nothing was sent",
                fix="Ask the supplier for the new key over another channel, then change transport.host_key",
                code="host-key",
            )
        if isinstance(error, FileNotFoundError) and error.filename is not None:
            return ConfigurationError(
                "catering: transport.key_file does not exist", fix="Correct the path", code="key-file"
            )
        if isinstance(error, paramiko.PasswordRequiredException):
            return ConfigurationError(
                "catering: transport.key_file needs a passphrase",
                fix="Give a key without one, readable by the hub alone",
                code="key-file",
            )
        if isinstance(error, paramiko.AuthenticationException) and not _went_away(error):
            return ConfigurationError(
                "catering: the SFTP server refuses the login",
                fix="Check transport.username and its password or key_file with the supplier",
                code="login",
            )
        return TemporaryError(
            "catering: the SFTP server can't be used",
            why=_reason(error),
            fix="If it lasts, check transport.host, transport.path, the rights there and the room on its disk",
            code="sftp",
        )


class _RemoteFiles:
    def __init__(self, sftp: paramiko.SFTPClient, folder: str) -> None:
        self._sftp = sftp
        self._folder = folder.rstrip("/") or "/"
        sftp.stat(self._folder)  # a folder that is missing is not a file that is missing

    def _path(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}"

    def read(self, name: str, limit: int) -> bytes:
        with self._sftp.open(self._path(name), "rb") as file:
            return file.read(limit)

    def write(self, name: str, content: bytes) -> None:
        # Pipelined inside; without, each 32 KiB would wait for an answer.
        self._sftp.putfo(io.BytesIO(content), self._path(name), confirm=True)

    def rename(self, old: str, new: str) -> None:
        self._sftp.posix_rename(self._path(old), self._path(new))

    def remove(self, name: str) -> None:
        self._sftp.remove(self._path(name))


class _UnknownKey(paramiko.SSHException):
    """The server has no key of the pinned one's type."""


class _RefuseKey(paramiko.RejectPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> NoReturn:
        raise _UnknownKey


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def _went_away(error: paramiko.AuthenticationException) -> bool:
    # paramiko raises the same class for a refusal, for silence and for a broken link; only its own text tells.
    return any(word in str(error).lower() for word in ("timeout", "eof", "shut down"))


def _reason(error: Exception) -> str:
    """Why in words of our own: the text of the error may come from the far side."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError | ConnectionError):
        return "no connection, or it broke"
    if isinstance(error, socket.gaierror):
        return "its name can't be resolved"
    if isinstance(error, OSError) and error.errno:
        return f"{errno.errorcode.get(error.errno, 'error')}: {os.strerror(error.errno)}"
    if isinstance(error, EOFError | paramiko.SSHException):
        return "the connection broke"
    return "it refused the operation"
