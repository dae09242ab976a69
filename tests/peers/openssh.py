"""OpenSSH's own `sftp-server` on loopback, with single requests switched off (`-P`), behind asyncssh's transport."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.peers.sftp import PASSWORD, USER

_FIND = Path(__file__).resolve().parents[2] / "scripts" / "peers" / "openssh.sh"


@cache
def _sftp_server() -> str | None:
    done = subprocess.run([_FIND], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def sftp_server() -> str:
    """The program. Skips the test, with the reason, if it is not here and can't be fetched."""
    found = _sftp_server()
    if found is None:
        pytest.skip("OpenSSH's sftp-server is not on this machine, and scripts/peers/openssh.sh can't fetch it")
    return found


class _Server(asyncssh.SSHServer):
    def __init__(self, program: Sequence[str], serving: set[asyncio.Task[None]]) -> None:
        self._program = program
        self._serving = serving

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def session_requested(self) -> "_Session":
        return _Session(self._program, self._serving)


class _Session(asyncssh.SSHServerSession[bytes]):
    """Passes bytes between the channel and the program. asyncssh answers the subsystem itself otherwise."""

    def __init__(self, program: Sequence[str], serving: set[asyncio.Task[None]]) -> None:
        self._program = program
        self._all = serving

    def connection_made(self, chan: Any) -> None:
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        self._arriving: asyncio.Queue[bytes] = asyncio.Queue()
        self._serving = asyncio.ensure_future(self._serve())
        self._all.add(self._serving)

    def data_received(self, data: bytes, datatype: Any) -> None:
        self._arriving.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._serving.cancel()

    async def _serve(self) -> None:
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        program = await asyncio.create_subprocess_exec(*self._program, **pipes)  # type: ignore[arg-type]
        assert program.stdin is not None
        answering = asyncio.ensure_future(self._answer(program))
        try:
            while True:
                program.stdin.write(await self._arriving.get())
                await program.stdin.drain()
        finally:
            answering.cancel()
            with suppress(ProcessLookupError):
                program.kill()
            await program.wait()

    async def _answer(self, program: asyncio.subprocess.Process) -> None:
        assert program.stdout is not None
        while data := await program.stdout.read(65_536):
            self._channel.write(data)
        self._channel.exit(0)


@asynccontextmanager
async def openssh_peer(
    folder: Path, *, without: Sequence[str] = (), port: int = 0, key: asyncssh.SSHKey | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Run one for `folder`, whose clients cannot make the requests in `without`; gives the settings of a wire.

    With the `port` and the host `key` of an earlier one it is that server, up again.
    """
    program = [sftp_server(), "-d", str(folder), *(["-P", ",".join(without)] if without else [])]
    key = key or asyncssh.generate_private_key("ssh-ed25519")
    serving: set[asyncio.Task[None]] = set()
    server = await asyncssh.listen(
        "127.0.0.1", port, server_host_keys=[key], server_factory=lambda: _Server(program, serving), encoding=None
    )
    try:
        yield {
            "host": "127.0.0.1",
            "port": server.get_port(),
            "username": USER,
            "password": PASSWORD,
            "host_key": key.export_public_key().decode().strip(),
            "path": str(folder),
            "timeout_s": 5,
            "deadline_s": 10,
        }
    finally:
        server.close()
        await server.wait_closed()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)  # the programs have ended before the loop does
