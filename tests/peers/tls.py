"""A certificate authority of the test's own."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """Issues certificates to servers; `client_context` trusts it and nobody else.

    Its own certificate ends in `days`, those that it issues in one: in 90 days no alert says that it ends.
    """

    def __init__(self, folder: Path, *, days: int = 90) -> None:
        self._folder = folder
        self._days = days
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        certificate = self._sign(self._name, self._key.public_key(), [], authority=True)
        self._certificate = certificate.public_bytes(serialization.Encoding.PEM)

    def file(self) -> Path:
        """The authority's own certificate, PEM: what a client is told to trust."""
        file = self._folder / "authority.pem"
        file.write_bytes(self._certificate)
        return file

    def identity(self, name: str) -> tuple[Path, Path]:
        """A client's certificate and its key, PEM."""
        self.server_context(name)
        key, found, certificate = (self._folder / f"{name}.pem").read_text().partition("-----BEGIN CERTIFICATE-----")
        files = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        files[0].write_text(found + certificate)
        files[1].write_text(key)
        return files

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._certificate.decode())

    def server_context(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """For a server called by these names or addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key.public_key(), names, authority=False, expired=expired)
        file = self._folder / f"{names[0]}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        names: list[str] | tuple[str, ...],
        *,
        authority: bool,
        expired: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=7 if expired else 0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=self._days if authority else 1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        if authority:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            builder = builder.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), False)
        return builder.sign(self._key, hashes.SHA256())


def _name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
