"""The system's send buffer of a connection: how much it holds, and how to drop it."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios


def in_system(transport: asyncio.Transport) -> int:
    """Bytes in the system's send buffer that the client's system has not confirmed."""
    connected = transport.get_extra_info("socket")
    if connected is None or connected.fileno() < 0:
        return 0
    waiting: int = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    return waiting


def drop(transport: asyncio.Transport) -> None:
    """End the connection. The system drops its send buffer, which it would otherwise offer the client for minutes."""
    connected = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # on, for 0 s: a reset
    transport.abort()
