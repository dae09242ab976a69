"""The limits of the HTTP door: what a client may send and hold open, and for how long, before a route sees a request.

Each limit has a name (`Limit`) by which operators find it in the log and in `/metrics`.
"""

import resource
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

MAX_HEAD: Final = 32 << 10  # bytes of a request's head: its first line and its header fields
MAX_FIELDS: Final = 100  # header fields of one request; the same for the trailer fields after a chunked body
MAX_TARGET: Final = 8 << 10  # bytes of the path with its query
MAX_PIPELINED: Final = 512  # requests of one connection that wait until earlier ones are answered
MUCH_PIPELINED: Final = 16  # while this many of them wait, nothing is read from the connection

HEAD_S: Final = 15.0  # longest time for a head; it begins with the connection, or with the head's first byte
BODY_S: Final = 30.0  # a body that is not complete must bring LEAST_BODY in each of these spans
LEAST_BODY: Final = 30 << 10  # bytes
IDLE_S: Final = 60.0  # longest time between an answer and the first byte of the next request
LINGER_S: Final = 5.0  # how long a refused client may go on sending; that is dropped, so that it reads the answer
SWEEP_S: Final = 1.0  # how often the times above are checked

MAX_CONNECTIONS: Final = 2048  # of the address that the hub listens on
MAX_EACH: Final = 512  # connections of one address, and at most half of all
MAX_LOCAL: Final = 64  # connections of the command line's socket
RESERVED: Final = 256  # file descriptors that only the log, the store, connectors and webhooks may use
LOCAL_RESERVED: Final = 64  # file descriptors, of those, that the command line's socket may not use either
LEAST_DESCRIPTORS: Final = 2 * RESERVED  # with fewer the hub does not start
ENOUGH_DESCRIPTORS: Final = MAX_CONNECTIONS + RESERVED  # with fewer it accepts fewer connections, and warns


class Limit(StrEnum):
    """Why the door refused a request or closed a connection."""

    HEAD_BYTES = "head-bytes"
    HEAD_FIELDS = "head-fields"
    TARGET = "target"
    HEAD_TIME = "head-time"
    BODY_TIME = "body-time"
    PIPELINED = "pipelined"
    EACH = "connections-per-address"
    CONNECTIONS = "connections"
    DESCRIPTORS = "descriptors"


@dataclass(slots=True)
class Standing:
    """What operators see of the door: open connections now, and how often each limit was reached."""

    open: int = 0
    reached: Counter[Limit] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How many connections a server may have open. `highest`: the first file descriptor that it may not use."""

    most: int
    most_each: int
    highest: int

    @classmethod
    def outside(cls) -> Self:
        """For the address that the hub listens on."""
        descriptors = soft_limit()
        most = max(1, min(MAX_CONNECTIONS, descriptors - RESERVED))
        return cls(most=most, most_each=max(1, min(MAX_EACH, most // 2)), highest=max(1, descriptors - RESERVED))

    @classmethod
    def local(cls) -> Self:
        """For the command line's socket, which works while the address is full."""
        return cls(most=MAX_LOCAL, most_each=MAX_LOCAL, highest=max(1, soft_limit() - LOCAL_RESERVED))


def soft_limit() -> int:
    """How many files and sockets this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def raise_soft_limit() -> int:
    """Let this process have as many files and sockets open as the system allows it to. Returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft_limit()
