"""A certificate chain with its key, as the files of a directory hold them."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class Material:
    def __init__(self, directory):
        self.chain = (directory / "fullchain.pem").read_bytes()
        self.key = (directory / "privkey.pem").read_bytes()
        self.certificates = x509.load_pem_x509_certificates(self.chain)
        leaf = self.certificates[0]
        if leaf.public_key() != load_pem_private_key(self.key, None).public_key():
            raise ValueError("the key belongs to another certificate")
        self.names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
        self.expires = leaf.not_valid_after_utc
        self.lifetime = (self.expires - leaf.not_valid_before_utc).total_seconds()


def read(directory):
    """The material in a directory; None where there is none or it is not whole."""
    try:
        return Material(directory)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return None
