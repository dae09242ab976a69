"""A TCP server that speaks no protocol."""

import socket
import threading


class deaf_server:
    """A TCP server that takes connections and never speaks; with `drip` it sends that now and then."""

    def __init__(self, drip: bytes) -> None:
        self._drip = drip
        self._ended = threading.Event()

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return int(self._listener.getsockname()[1])

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            while not self._ended.wait(0.2):
                try:
                    connection.sendall(self._drip)
                except OSError:
                    return

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(5)
        self._listener.close()
