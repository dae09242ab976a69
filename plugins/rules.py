"""Rules of settings that several connectors have: certificates on this machine, and errors in both languages."""

import os
import ssl
from pathlib import Path
from typing import Annotated, LiteralString

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from plugins.paths import LocalPath, is_checked


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
    if isinstance(error, IsADirectoryError):
        return rule("file_folder", "it is a folder, not a file", "det är en mapp, inte en fil")
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


def ssh_key(value: Path, info: ValidationInfo) -> Path:
    """A private key for SSH without passphrase. Raises PydanticCustomError. Not looked at unless `is_checked`."""
    if not is_checked(info):
        return value
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    try:
        content = value.read_bytes()
    except OSError as error:
        raise unreadable(error) from None
    read = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in content else load_pem_private_key
    try:
        read(content, None)
    except TypeError:
        raise rule("ssh_key_locked", "the key has a passphrase", "nyckeln har en lösenfras") from None
    except Exception:  # of any kind: its text may quote the key
        raise rule(
            "ssh_key",
            "the file holds no private key in OpenSSH or PEM format",
            "filen innehåller ingen privat nyckel i OpenSSH- eller PEM-format",
        ) from None
    return value


def folder(value: Path, info: ValidationInfo) -> Path:
    """A folder in which this process may make files. Raises PydanticCustomError. Not looked at unless `is_checked`."""
    if not is_checked(info):
        return value
    if not value.is_dir():
        if value.exists():
            raise rule("no_folder", "this is a file; write a folder", "det här är en fil; skriv en mapp")
        raise rule(
            "folder_missing",
            "there is no such folder; make it, or mount it",
            "mappen finns inte; skapa den eller montera den",
        )
    if not os.access(value, os.W_OK | os.X_OK):
        raise rule(
            "folder_locked",
            "this user may make no files in the folder",
            "den här användaren får inte skapa filer i mappen",
        )
    return value


CertificateFile = Annotated[LocalPath, AfterValidator(certificates)]
"""A `LocalPath` to a PEM file with certificates. It is read when the configuration is checked."""
SshKeyFile = Annotated[LocalPath, AfterValidator(ssh_key)]
"""A `LocalPath` to a private key for SSH. `skolnav check` reads it; the hub's start does not."""
WritableFolder = Annotated[LocalPath, AfterValidator(folder)]
"""A `LocalPath` to a folder that gets files. `skolnav check` looks at it; the hub's start does not."""
