"""Whom to trust, and what it means when a server's certificate is not to be trusted."""

import ssl
from pathlib import Path
from typing import Final

from plugins import ConfigurationError, SkolnavError, TemporaryError

# OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED: whoever runs the server renews it.
_WRONG_TIME: Final = frozenset({9, 10})


def trusted(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates and host names are verified. Raises ConfigurationError if there are no authorities in the file."""
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError):
        raise ConfigurationError(
            "catering: transport.ca_file can't be read as certificates",
            fix="Give a PEM file that the hub may read",
            code="ca-file",
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def certificate_error(error: BaseException | None) -> SkolnavError | None:
    """What to raise if a certificate that was refused is behind an error; None if it is something else."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    if error is None:
        return None
    if error.verify_code in _WRONG_TIME:
        return TemporaryError(
            "catering: the server's certificate is not valid now",
            why="it has expired, or is for a time to come; nothing was sent",
            fix="Tell whoever runs the server, and see that this machine's clock is right",
            code="certificate-time",
        )
    return ConfigurationError(
        "catering: the server's certificate can't be trusted",
        why="another authority issued it, or it is for another name; nothing was sent",
        fix="Check transport.ca_file and the name in transport; ask the supplier over another channel",
        code="certificate",
    )
