"""An authority of a test's own, and certificates that it signs, as PEM files."""

from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.analysis.worker.engine.engines import Certificates
from shared.clock import now


class Authority:
    """Signs certificates for the loopback address."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.path = folder, folder / "authority.pem"
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), name_of("authority")
        builder = self.builder(self.name, self.key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.path.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        day = timedelta(days=1)
        begun = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(key.public_key())
        return begun.serial_number(x509.random_serial_number()).not_valid_before(now() - day).not_valid_after(now() + day)

    def sign(self, name: str, trusting: Path | None = None) -> Certificates:
        """A certificate with its key; `trusting` is the authority that its holder believes, this one if not given."""
        key = ec.generate_private_key(ec.SECP256R1())
        where = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
        signed = self.builder(name_of(name), key).add_extension(where, critical=False).sign(self.key, hashes.SHA256())
        certificate, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        secret.write_bytes(key.private_bytes(*form))
        secret.chmod(0o600)
        return Certificates(trusting or self.path, certificate, secret)


def name_of(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
