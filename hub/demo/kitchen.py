"""The kitchen's own server: SFTP on a loopback port, with a host key and a password made when it starts."""

import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import paramiko
from paramiko.sftp import SFTP_FAILURE, SFTP_OK

USER: Final = "skolnav"
FOLDER: Final = "in"


class KitchenServer:
    """Accepts files into `root`/in from the moment it is made.

    `on_file(name, bytes)` is called in a thread when a file has its final name.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.on_file: Callable[[str, bytes], None] | None = None
        self.password = secrets.token_urlsafe(16)
        (root / FOLDER).mkdir(parents=True)
        key = paramiko.ECDSAKey.generate()
        self.host_key = f"{key.get_name()} {key.get_base64()}"
        self._key = key
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._thread = threading.Thread(target=self._accept, name="kitchen", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listening.close()
        self._thread.join()
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transport.add_server_key(self._key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, self)
            self._transports = [each for each in self._transports if each.is_active()] + [transport]
            with suppress(paramiko.SSHException):
                transport.start_server(event=threading.Event(), server=_Login(self.password))


class _Login(paramiko.ServerInterface):
    def __init__(self, password: str) -> None:
        self._password = password

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        right = secrets.compare_digest(f"{username}\0{password}".encode(), f"{USER}\0{self._password}".encode())
        return paramiko.common.AUTH_SUCCESSFUL if right else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED  # for the SFTP subsystem; a shell or a command is refused


class _Files(paramiko.SFTPServerInterface):
    """The client sees `root` as /, and nothing outside it."""

    def __init__(self, server: paramiko.ServerInterface, kitchen: KitchenServer) -> None:
        super().__init__(server)
        self._kitchen = kitchen

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes] | int:
        try:
            return [
                paramiko.SFTPAttributes.from_stat(each.stat(), filename=each.name) for each in self._at(path).iterdir()
            ]
        except OSError as error:
            return _code(error)

    def stat(self, path: str) -> paramiko.SFTPAttributes | int:
        try:
            return paramiko.SFTPAttributes.from_stat(self._at(path).stat())
        except OSError as error:
            return _code(error)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> paramiko.SFTPHandle | int:
        try:
            number = os.open(self._at(path), flags | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            return _code(error)
        handle = paramiko.SFTPHandle(flags)
        mode = {os.O_WRONLY: "wb", os.O_RDWR: "r+b"}.get(flags & os.O_ACCMODE, "rb")
        file: Any = os.fdopen(number, mode)
        # paramiko reads and writes through these.
        handle.readfile = handle.writefile = file  # type: ignore[attr-defined]
        return handle

    def remove(self, path: str) -> int:
        return _done(self._at(path).unlink)

    def rename(self, oldpath: str, newpath: str) -> int:
        if self._at(newpath).exists():
            return SFTP_FAILURE  # as SFTP servers do; `posix_rename` is the call that replaces
        return self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        new = self._at(newpath)
        code = _done(lambda: self._at(oldpath).replace(new))
        if code == SFTP_OK and self._kitchen.on_file is not None:
            self._kitchen.on_file(new.name, new.read_bytes())
        return code

    def _at(self, path: str) -> Path:
        return self._kitchen.root / self.canonicalize(path).lstrip("/")


def _done(action: Callable[[], object]) -> int:
    try:
        action()
    except OSError as error:
        return _code(error)
    return SFTP_OK


def _code(error: OSError) -> int:
    code: int = paramiko.SFTPServer.convert_errno(error.errno or 0)
    return code
