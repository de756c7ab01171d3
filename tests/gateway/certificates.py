"""A certificate authority for one test."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def write(directory: Path, name: str, age_days: int = 0) -> Path:
    """Write gateway.pem and gateway.key for a DNS name, good for a month from so many days ago.

    The authority that signed them is ca.pem, returned.
    """
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    now = datetime.now(UTC) - timedelta(days=age_days)

    def sign(subject: x509.Name, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> bytes:
        built = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
        built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
        signed = built.add_extension(extension, critical=False).sign(authority, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    (directory / "gateway.pem").write_bytes(sign(subject, key.public_key(), names))
    (directory / "gateway.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (directory / "gateway.key").chmod(0o600)
    trusted = directory / "ca.pem"
    trusted.write_bytes(
        sign(issuer, authority.public_key(), x509.BasicConstraints(ca=True, path_length=None))
    )
    return trusted
