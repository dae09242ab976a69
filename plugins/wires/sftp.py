"""The wire to an SFTP server: pinned host key, bounded time, whole files.

What the server may mend by itself (away, slow, full, folder not mounted) is a TemporaryError. Another host key or a
refused login pauses the connector: further tries could lock the account or reach an impostor. No error quotes a file's
content or the server's words.
"""

import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn

import paramiko

from plugins.errors import SkolnavError
from plugins.rehearsal import current
from plugins.wires import words
from plugins.wires.failures import FarSide
from plugins.wires.files import FILE_MODE, Files, NoPlainFile, NoRename, Put, is_part, probe, put
from plugins.wires.folder import system_error
from plugins.wires.settings import SftpSettings

_KEEPALIVE_S: Final = 15
_BLOCK: Final = 32 * 1024  # bytes in one write


class Sftp:
    """A `FileWire`. Opens nothing yet: each call makes a connection of its own."""

    def __init__(self, settings: SftpSettings, far_side: FarSide) -> None:
        self._to = settings
        self._far_side = far_side

    def put(self, name: str, content: bytes) -> Put:
        if (rehearsal := current()) is not None:
            rehearsal.note(f"put sftp://{self._to.host}:{self._to.port}/{self._to.path}/{name}", content)
            return Put.WRITTEN
        with self._session() as files:
            return put(files, name, content, self._far_side, read_back=self._to.read_back)

    def probe(self) -> None:
        if current() is not None:
            return
        with self._session() as files:
            probe(files, self._far_side, read_back=self._to.read_back)

    @contextmanager
    def _session(self) -> Iterator[Files]:
        to = self._to
        client = self._pinned_client()
        watchdog: threading.Timer | None = None
        try:
            sock = socket.create_connection((to.host, to.port), timeout=to.timeout_s)
            # paramiko's own time-outs restart with each byte, and opening the SFTP channel has none. Closing the
            # socket ends every wait.
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
        except NoRename:
            raise self._far_side.configuration(words.NO_RENAME) from None
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
            raise self._far_side.configuration(words.NO_HOST_KEY)
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

    def _meant(self, error: Exception) -> SkolnavError:
        far_side = self._far_side
        if isinstance(error, paramiko.BadHostKeyException | _UnknownKey):
            return far_side.refused(words.OTHER_HOST_KEY)
        if isinstance(error, FileNotFoundError) and error.filename is not None:
            return far_side.configuration(words.KEY_FILE_MISSING)
        if isinstance(error, paramiko.PasswordRequiredException):
            return far_side.configuration(words.KEY_FILE_LOCKED)
        if isinstance(error, paramiko.AuthenticationException) and not _went_away(error):
            return far_side.refused(words.SFTP_LOGIN)
        return far_side.temporary(words.SFTP, **_why(error))


class _RemoteFiles:
    def __init__(self, sftp: paramiko.SFTPClient, folder: str) -> None:
        self._sftp = sftp
        self._folder = folder.rstrip("/") or "/"
        with suppress(PermissionError):
            sftp.stat(self._folder)  # else a missing folder would look like a missing file

    def _path(self, name: str) -> str:
        return f"{self._folder.rstrip('/')}/{name}"

    def read(self, name: str, limit: int) -> bytes:
        try:
            if not stat.S_ISREG(self._sftp.lstat(self._path(name)).st_mode or stat.S_IFREG):
                raise NoPlainFile
        except PermissionError:
            pass  # not every server lets a file be looked at before it is read
        with self._sftp.open(self._path(name), "rb") as file:
            return file.read(limit)

    def size(self, name: str) -> int | None:
        try:
            found = self._sftp.lstat(self._path(name))
        except (FileNotFoundError, PermissionError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode or stat.S_IFREG) else -1  # no file is as long as a link

    def create(self, name: str, content: bytes) -> None:
        with self._sftp.open(self._path(name), "wbx") as file:
            file.set_pipelined(True)  # else each 32 KiB would wait for an answer
            with memoryview(content) as whole:
                for start in range(0, len(content), _BLOCK):
                    file.write(bytes(whole[start : start + _BLOCK]))
        with suppress(OSError):  # the server may have its own mind
            self._sftp.chmod(self._path(name), FILE_MODE)

    def rename(self, old: str, new: str) -> None:
        before, after = self._path(old), self._path(new)
        try:
            # The plain one first: it replaces no file, and every server should have it.
            self._sftp.rename(before, after)
        except OSError as error:
            if not _is_answer(error):
                raise
            if self.size(new) is not None:
                raise FileExistsError from None
            self._posix_rename(before, after, error)

    def _posix_rename(self, before: str, after: str, plain: OSError) -> None:
        try:
            self._sftp.posix_rename(before, after)
        except PermissionError:
            raise NoRename from None
        except OSError as error:
            if not _is_answer(error):
                raise
            raise (NoRename() if isinstance(plain, PermissionError) else plain) from None

    def remove(self, name: str) -> None:
        self._sftp.remove(self._path(name))

    def parts(self, name: str) -> list[str]:
        try:
            return [entry for entry in self._sftp.listdir(self._folder) if is_part(entry, name)]
        except OSError as error:
            if not _is_answer(error):
                raise
            return []


def _is_answer(error: OSError) -> bool:
    """Whether it is the server's answer to one request; other errors end the connection."""
    return type(error) is OSError or isinstance(error, PermissionError)


class _UnknownKey(paramiko.SSHException):
    """The server has no key of the pinned key's type."""


class _RefuseKey(paramiko.RejectPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> NoReturn:
        raise _UnknownKey


def _cut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def _went_away(error: paramiko.AuthenticationException) -> bool:
    # paramiko raises the same class for a refusal, for silence and for a broken link; only the text tells them apart.
    return any(word in str(error).lower() for word in ("timeout", "eof", "shut down"))


def _why(error: Exception) -> dict[str, Any]:
    """`why` in words of our own: the text of the error may come from the far side."""
    if isinstance(error, TimeoutError):
        return {"why": words.NOT_IN_TIME}
    if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError | ConnectionError):
        return {"why": words.NO_OR_BROKEN}
    if isinstance(error, socket.gaierror):
        return {"why": words.NO_SUCH_NAME}
    if isinstance(error, EOFError | paramiko.SSHException):
        return {"why": words.CONNECTION_BROKE}
    return system_error(error) if isinstance(error, OSError) else {"why": words.REFUSED_OPERATION}
