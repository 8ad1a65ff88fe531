"""Puts certificates, and what is to be known of them, where the front reads them."""

import shutil
import ssl
import tempfile
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from cryptography import x509

from material import read
from obtain import Failure

PUBLISHED = Path("/certificates")
LIVE = PUBLISHED / "live"

METRICS = """\
# HELP drawbridge_certificate_expiry_timestamp_seconds When the certificate of a name expires.
# TYPE drawbridge_certificate_expiry_timestamp_seconds gauge
{expiries}# HELP drawbridge_certificate_failed_attempts Attempts to renew it that failed since one last did not.
# TYPE drawbridge_certificate_failed_attempts gauge
drawbridge_certificate_failed_attempts {failures}
"""


def published():
    return read(LIVE)


def publish(directory, settings):
    """
    Publishes the certificate in a directory in one step: a reader sees the old files or the new.
    Returns it, or None where it is published already.
    """
    material = read(directory)
    if not material:
        raise Failure("certbot left no whole certificate.")
    names = settings["NAMES"].split()
    if not set(names) <= set(material.names) or material.expires <= datetime.now(timezone.utc):
        raise Failure(f"The CA issued a certificate for {' '.join(material.names)} until {material.expires}, which is not what was asked for.")
    former = published()
    if former and former.chain == material.chain:
        return None
    root = settings.get("THROWAWAY_CA_ROOT")
    ca = throwaway_root(root, material.certificates) if root else None
    issued = Path(tempfile.mkdtemp(prefix="issued-", dir=PUBLISHED))
    # The front reads as the owner, or as root without any capability, whose group 0 these files have.
    issued.chmod(0o750)
    # The names are there to be compared by a shell.
    for name, content in (("fullchain.pem", material.chain), ("privkey.pem", material.key), ("ca.pem", ca), ("names", settings["NAMES"].encode())):
        if content:
            (issued / name).write_bytes(content)
            (issued / name).chmod(0o440)
    outgoing = LIVE.resolve()
    replace(LIVE, lambda following: following.symlink_to(issued.name))
    for outdated in PUBLISHED.glob("issued-*"):
        if outdated not in (issued, outgoing):
            shutil.rmtree(outdated)
    return material


def throwaway_root(url, certificates):
    """The test CA's root certificate, fetched anew: a CA that was restarted since has another."""
    try:
        with urllib.request.urlopen(url, context=ssl._create_unverified_context(), timeout=10) as answer:
            pem = answer.read()
        certificates[-1].verify_directly_issued_by(x509.load_pem_x509_certificate(pem))
    except Exception as problem:
        raise Failure(f"The root at {url} does not fit: {problem!r}") from problem
    return pem


def publish_metrics(failures):
    """Metrics for Prometheus, as a file that the front serves."""
    material = published()
    names = material.names if material else []
    expiries = "".join(f'drawbridge_certificate_expiry_timestamp_seconds{{name="{name}"}} {int(material.expires.timestamp())}\n' for name in names)
    replace(PUBLISHED / "metrics", lambda following: following.write_text(METRICS.format(expiries=expiries, failures=failures)))


def replace(path, make):
    """In one step."""
    following = path.with_name("next")
    following.unlink(missing_ok=True)
    make(following)
    following.replace(path)
