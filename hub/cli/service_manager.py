"""What systemd wants to know of a service of `Type=notify-reload` (sd_notify(3)); nothing where no manager asks."""

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

_MICROSECONDS: Final = 1_000_000


class ServiceManager:
    """Sends states as datagrams to the socket that `NOTIFY_SOCKET` names. A manager that does not listen is ignored."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # The kernel writes the name of an abstract socket with a null byte, systemd with `@`.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        given = environ.get("WATCHDOG_USEC", "")
        ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._every_s = int(given) / _MICROSECONDS / 2 if given.isdigit() and ours else None

    def ready(self) -> None:
        self._send("READY=1")

    def reloading(self) -> None:
        """`ready` must follow. systemd compares the time with that of its signal."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    async def watch(self) -> None:
        """Report twice within the watchdog's time that the event loop runs. Ends at once if there is no watchdog."""
        while self._every_s:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._every_s)

    def _send(self, state: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as to:
            to.sendto(state.encode(), self._address)
