"""The keys of an engine: an authority that signs one certificate for each of its parts, and is then forgotten.

Made once and never again; to replace them, remove the three volumes and start anew."""

from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.clock import now

KEYS = Path("/keys")
PARTS = ("scheduler", "node", "worker")
HOLDS = timedelta(days=825)
FORM = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def name_of(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def begun(subject: str, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of("engine")).public_key(public)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(now()).not_valid_after(now() + HOLDS)


def make(folder: Path) -> None:
    """In each part's folder `authority.pem`, `own.pem` and `own.key`."""
    secret = ec.generate_private_key(ec.SECP256R1())
    builder = begun("engine", secret.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    authority = builder.sign(secret, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    for part in PARTS:
        key = ec.generate_private_key(ec.SECP256R1())
        signed = begun(part, key.public_key()).sign(secret, hashes.SHA256())
        own = folder / part
        (own / "own.key").touch(mode=0o600)
        (own / "own.key").write_bytes(key.private_bytes(*FORM))
        (own / "own.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        (own / "authority.pem").write_bytes(authority)


def main(folder: Path = KEYS) -> None:
    if all((folder / part / "authority.pem").exists() for part in PARTS):
        print("engine: the keys are there")
        return
    make(folder)
    print(f"engine: keys for {', '.join(PARTS)}")


if __name__ == "__main__":
    main()
