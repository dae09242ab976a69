"""The faults: each is done at a random moment, and leaves the hub as a careful operator would."""

import asyncio
import json
import random
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from bench.soak.clients import Client, Gone, Line, all_read
from bench.soak.publishing import about, publish_directory
from bench.soak.receiving import Arrivals, Hook, Passing
from bench.soak.truth import Protection, Truth
from tests.peers.hub import Answer, HubProcess

JSON: Final = "application/json"
HALF_OPEN: Final = 100
RESTARTS: Final = frozenset({"kill -9", "SIGTERM"})


@dataclass(frozen=True)
class Parties:
    """All that a fault can hit. `arrivals` are those whose subscriptions are paused and replayed."""

    hub: HubProcess
    config_file: Path
    truth: Truth
    clients: Mapping[str, Client]
    arrivals: Sequence[Arrivals]
    flaky: Hook
    passing: Passing


class Disturber:
    """`acts` has each fault by its name."""

    def __init__(self, parties: Parties, *, choice: random.Random, long_s: float) -> None:
        """`long_s` is how long a state that passes lasts at most, in seconds."""
        self._parties = parties
        self._hub, self._truth, self._clients = parties.hub, parties.truth, parties.clients
        self._choice, self._long_s = choice, long_s
        self._line = Line(parties.clients["desk"], parties.hub.port)
        self._passing_line = Line(parties.clients["passing"], parties.hub.port)
        self._passing_id, self._made = "", 0
        self._meanwhile: set[asyncio.Task[None]] = set()
        self._lazy: asyncio.StreamWriter | None = None
        self.acts: dict[str, Callable[[], Awaitable[None]]] = {
            "kill -9": self._kill,
            "SIGTERM": self._stop,
            "rotation of a token": self._rotate,
            "pause and resume": self._pause,
            "replay": self._replay,
            "a subscription deleted, another made": self._renew,
            "100 half-open connections": self._half_open,
            "a reader that does not read": self._lazy_reader,
            "a webhook that misbehaves": self._trouble,
            "a pupil protected, another no longer": self._turn,
        }

    async def leave(self) -> None:
        """Wait for what still goes on, and close what the faults have opened."""
        await asyncio.gather(*self._meanwhile)
        self._parties.flaky.trouble = ""
        if self._passing_id:
            await self._delete()
        self._close_lazy()
        self._line.close()
        self._passing_line.close()

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._meanwhile.add(task)
        task.add_done_callback(self._meanwhile.discard)

    def _some_time_s(self) -> float:
        return self._choice.uniform(0.2, 1) * self._long_s

    async def _operate(self, path: str, body: Any = None) -> Answer:
        return await self._line.sure("POST", path, b"" if body is None else json.dumps(body).encode(), JSON)

    def _expect(self, answer: Answer, wanted: int, what: str) -> bool:
        if answer.status != wanted:
            self._truth.fault(f"{what} got {answer.status}", answer.body.decode()[:300])
        return answer.status == wanted

    async def _kill(self) -> None:
        await self._hub.kill()
        await self._hub.start()

    async def _stop(self) -> None:
        if (code := await self._hub.stop()) != 0:
            self._truth.fault(f"the hub ended with {code} after SIGTERM")
        await self._hub.start()

    async def _rotate(self) -> None:
        """The old token is refused from the end of `apply` on, and nothing more leaves under it."""
        client = self._choice.choice(list(self._clients.values()))
        new = client.write_new()
        command = (sys.executable, "-m", "hub.cli", "apply", "--yes", "--config", str(self._parties.config_file))
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
        if process.returncode != 0:
            self._truth.fault(f"`skolnav apply` ended with {process.returncode}", said.decode()[-500:])
        await all_read()
        old = client.rotated(new)
        probe = Line(client, self._hub.port)
        with suppress(*Gone):
            if (await probe.call("GET", "/v1/subscriptions")).status == 401:
                self._truth.fault("a new token was refused after `apply`", client.id)
        probe.close()
        client.token = old
        with suppress(*Gone):
            self._expect(await probe.call("GET", "/v1/subscriptions"), 401, "a token that had ended")
        client.token = new
        probe.close()

    async def _pause(self) -> None:
        arrivals = self._choice.choice(self._parties.arrivals)
        if self._expect(await self._operate(f"/v1/subscriptions/{arrivals.name}/pause"), 200, "a pause"):
            await all_read()
            arrivals.paused = True
            await asyncio.sleep(self._some_time_s())
            arrivals.paused = False
        self._expect(await self._operate(f"/v1/subscriptions/{arrivals.name}/resume"), 200, "a resumption")

    async def _replay(self) -> None:
        arrivals = self._choice.choice(self._parties.arrivals)
        since = datetime.now(UTC) - timedelta(seconds=self._choice.uniform(1, 5))
        answer = await self._operate(f"/v1/subscriptions/{arrivals.name}/replay", {"since": since.isoformat()})
        self._expect(answer, 202, "a replay")

    async def _renew(self) -> None:
        if self._passing_id:
            await self._delete()
        self._made += 1
        spec = {
            "name": f"passing-{self._made}",
            "types": ["se.skolnav.absence.*"],
            "from": self._choice.choice(["now", "state"]),
            "sink": {"kind": "webhook", "url": self._parties.passing.url(self._path)},
        }
        answer = await self._passing_line.sure("POST", "/v1/subscriptions", json.dumps(spec).encode(), JSON)
        if self._expect(answer, 201, "a new subscription"):
            self._passing_id = answer.json()["id"]

    @property
    def _path(self) -> str:
        return f"/passing/{self._made}"

    async def _delete(self) -> None:
        answer = await self._passing_line.sure("DELETE", f"/v1/subscriptions/{self._passing_id}")
        if self._expect(answer, 204, "a deletion"):
            await all_read()
            self._parties.passing.deleted.add(self._path)
        self._passing_id = ""

    async def _half_open(self) -> None:
        self._start(self._hold_half_open(self._some_time_s()))

    async def _hold_half_open(self, long_s: float) -> None:
        opened: list[asyncio.StreamWriter] = []
        with suppress(OSError):
            for n in range(HALF_OPEN):
                _, writer = await asyncio.open_connection("127.0.0.1", self._hub.port)
                opened.append(writer)
                writer.write(b"POST /v1/events HTTP/1.1\r\nHost: hub\r\nAuthorization: Bea"[:n])
        await asyncio.sleep(long_s)
        for writer in opened:
            writer.transport.abort()

    async def _lazy_reader(self) -> None:
        """A stream whose client reads nothing, until the next one takes its place."""
        self._close_lazy()
        with suppress(OSError):
            plain = socket.socket()
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.setblocking(False)
            await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", self._hub.port))
            _, self._lazy = await asyncio.open_connection(sock=plain)
            self._lazy.transport.pause_reading()  # type: ignore[attr-defined]
            self._lazy.write(
                b"GET /v1/subscriptions/lazy/stream HTTP/1.1\r\nHost: hub\r\n"
                + f"Authorization: Bearer {self._clients['lazy'].token}\r\n\r\n".encode()
            )

    def _close_lazy(self) -> None:
        if self._lazy is not None:
            self._lazy.transport.abort()
            self._lazy = None

    async def _trouble(self) -> None:
        self._start(self._misbehave(self._choice.choice(["slow", "fails", "cuts", "hangs"]), self._some_time_s()))

    async def _misbehave(self, how: str, long_s: float) -> None:
        self._parties.flaky.trouble = how
        await asyncio.sleep(long_s)
        self._parties.flaky.trouble = ""

    async def _turn(self) -> None:
        """Nothing about the one leaves from the acknowledgement on; the other may be delivered from the request on."""
        turning = [each for each in self._truth.pupils.values() if each.protection is Protection.TURNING]
        client, port = self._clients["sis"], self._hub.port
        if hidden := [each for each in turning if each.hidden]:
            shown = self._choice.choice(hidden)
            shown.hidden = False
            await publish_directory(client, port, [about(shown, hidden=False)])
        if seen := [each for each in turning if not each.hidden]:
            protected = self._choice.choice(seen)
            await publish_directory(client, port, [about(protected, hidden=True)])
            await all_read()
            protected.hidden = True
