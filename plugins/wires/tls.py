"""Which servers a wire trusts, its own certificate, and what a failed handshake means."""

import ssl
from pathlib import Path
from typing import Final

from plugins.errors import SkolnavError
from plugins.rules import no_passphrase
from plugins.texts import Text
from plugins.wires import words
from plugins.wires.failures import FarSide
from plugins.wires.settings import CertificateAuth

# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED: the server's operator renews it.
_WRONG_TIME: Final = frozenset({9, 10})


def trusted(ca_file: Path | None, far_side: FarSide, own: CertificateAuth | None = None) -> ssl.SSLContext:
    """A context that verifies certificate and host name, TLS 1.2 or later; `own` is the client certificate.

    `ca_file` None: the authorities that this machine trusts. Raises ConfigurationError if a file can't be used.
    """
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError):
        raise far_side.configuration(words.CA_FILE) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if own is not None:
        try:
            context.load_cert_chain(own.certificate, own.key, password=no_passphrase)
        except (OSError, ssl.SSLError):
            raise far_side.configuration(words.CLIENT_CERTIFICATE) from None
    return context


def handshake_failure(error: BaseException | None, far_side: FarSide, what: Text | None = None) -> SkolnavError | None:
    """What to raise if TLS is the reason for an error; None if the reason is another. Names no host.

    A handshake that the server broke off is a broken connection, and no reason of TLS.
    """
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    if error is None or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLWantReadError):
        return None
    if not isinstance(error, ssl.SSLCertVerificationError):
        return far_side.temporary(words.NO_TLS, what=what)
    if error.verify_code in _WRONG_TIME:
        return far_side.temporary(words.CERTIFICATE_TIME, what=what)
    return far_side.refused(words.CERTIFICATE, what=what)
