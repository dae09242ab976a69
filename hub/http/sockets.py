"""What the system holds of a connection's bytes: how much, and how to make it drop them."""

import asyncio
import contextlib
import fcntl
import os
import socket
import struct
import termios


def in_system(transport: asyncio.Transport) -> int:
    """Bytes that the system has taken, and that the client's system has not confirmed."""
    connected = transport.get_extra_info("socket")
    if connected is None or connected.fileno() < 0:
        return 0
    waiting: int = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.TIOCOUTQ, bytes(4)))[0]
    return waiting


def drop(transport: asyncio.Transport) -> None:
    """End the connection. The system drops what it holds, which it would otherwise offer the client for minutes."""
    connected = transport.get_extra_info("socket")
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(connected.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
