"""A certificate for one life of a ring's server: who knows it trusts it alone."""

import datetime as dt
import ssl
from pathlib import Path
from tempfile import TemporaryDirectory

_DAYS = 365
NAME = "steering-ring"


def make_certificate() -> tuple[str, ssl.SSLContext]:
    """Make a key and its certificate; return the certificate (PEM) and the server's context."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The ssl module reads keys from files only; the folder is ours alone and gone at once.
    with TemporaryDirectory(prefix="steering-ring-") as folder:
        file = Path(folder) / "key.pem"
        file.touch(mode=0o600)
        file.write_bytes(secret + pem)
        context.load_cert_chain(file)
    return pem.decode(), context


def client_context(certificate: str) -> ssl.SSLContext:
    """Make a context that trusts this certificate and no other; connect with ``server_hostname=NAME``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=certificate)
    return context
