"""A webhook's own TLS: which authority the hub trusts there, and by which certificate the recipient knows the hub."""

import os
import ssl


def own_context(*, ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """`ca`, `certificate` (with its chain) and `key` are PEM. `ca` None: the machine's authorities; else it alone.

    Raises ValueError, whose text holds nothing of the PEM.
    """
    try:
        context = ssl.create_default_context(cadata=ca)
        if certificate is not None:
            _load(context, certificate, key or certificate)
    except (ssl.SSLError, ValueError, OSError):
        raise ValueError("the PEM can't be used: a certificate, and its key without a passphrase") from None
    return context


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """`ssl` reads a certificate from a file only: this one lies in memory, so that no key is written to a disk."""
    handles = []
    try:
        for pem in (certificate, key):
            handles.append(os.memfd_create("skolnav"))
            os.write(handles[-1], pem.encode())
        shown, secret = (f"/proc/self/fd/{handle}" for handle in handles)
        context.load_cert_chain(shown, secret, password=lambda: b"")  # never ask a person at the terminal
    finally:
        for handle in handles:
            os.close(handle)
