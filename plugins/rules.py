"""Rules of settings that several connectors have: certificates on this machine, and errors in both languages."""

import ssl
from pathlib import Path
from typing import Annotated, LiteralString

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from plugins.paths import LocalPath


def rule(code: str, english: LiteralString, swedish: str) -> PydanticCustomError:
    """An error of a setting, in the languages of the municipality's user. No value in either text."""
    return PydanticCustomError(code, english, {"sv": swedish})


def certificates(value: Path) -> Path:
    """A PEM file with certificates that this process may read. Raises PydanticCustomError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=value)
    except ssl.SSLError:
        raise rule(
            "certificate_file", "the file holds no certificates (PEM)", "filen innehåller inga certifikat (PEM)"
        ) from None
    except OSError as error:
        raise unreadable(error) from None
    return value


def unreadable(error: OSError) -> PydanticCustomError:
    """The error for a file that a setting names and that can't be read."""
    if isinstance(error, FileNotFoundError):
        return rule(
            "file_missing",
            "there is no such file; a relative path counts from the configuration file's folder",
            "filen finns inte; en relativ sökväg räknas från konfigurationsfilens mapp",
        )
    return rule(
        "file_unreadable", "the file may not be read by this user", "filen får inte läsas av den här användaren"
    )


def own_key(certificate: Path, key: Path) -> Path:
    """The private key of a client certificate, PEM without passphrase. Raises PydanticCustomError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        key.open("rb").close()
        context.load_cert_chain(certificate, key, password=no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise rule(
                "key_mismatch", "the key does not belong to the certificate", "nyckeln hör inte till certifikatet"
            ) from None
        raise rule(
            "key_file",
            "the file holds no private key (PEM) without passphrase",
            "filen innehåller ingen privat nyckel (PEM) utan lösenfras",
        ) from None
    except OSError as error:
        raise unreadable(error) from None
    return key


def no_passphrase() -> str:
    """An empty passphrase: without one, OpenSSL would ask for it on the terminal."""
    return ""


CertificateFile = Annotated[LocalPath, AfterValidator(certificates)]
"""A `LocalPath` to a PEM file with certificates. It is read when the configuration is checked."""
