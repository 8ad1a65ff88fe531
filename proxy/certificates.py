"""Keeps a certificate for our names on the certificates volume, renewed before it expires. Python, since certbot brings it.

certbot decides when a renewal is due: by the CA's advice (RFC 9773) where the version knows it, else with a third of the
lifetime left, or half where that is under ten days. A failure keeps what is published, is logged as one JSON line, and is
followed by another attempt later.

Environment:
  ACME_DIRECTORY       URL of the CA's directory
  ACME_EMAIL           where the CA may write to; optional
  NAMES                the host names, separated by spaces
  RENEW_CHECK_SECONDS  how often certbot is asked; default 3600
  RETRY_SECONDS        delay after a first failure, doubled with each further one up to RENEW_CHECK_SECONDS. The default of
                       120 makes five attempts in the first hour, which is what Let's Encrypt allows per name.
  THROWAWAY_CA_ROOT    URL of a test CA's root certificate. Dangerous: the CA's TLS is not verified, and after a failure its
                       account is forgotten, since such a CA (Pebble) forgets accounts too. The root is published as ca.pem.
"""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ACME = Path("/acme")
PUBLISHED = Path("/certificates")
LIVE = PUBLISHED / "live"
CHALLENGE = PUBLISHED / "challenge"
LINEAGE = "drawbridge"

# What certbot prints around the reason of a failure.
BOILERPLATE = ("Saving debug log", "Requesting a", "Renewing an", "Account registered", "Ask for help", "Some challenges", "See the logfile")


class Failure(Exception):
    """No certificate this time; the message is the reason."""


class Material:
    """A certificate chain with its key, as files hold them."""

    def __init__(self, directory):
        self.chain = (directory / "fullchain.pem").read_bytes()
        self.key = (directory / "privkey.pem").read_bytes()
        self.certificates = x509.load_pem_x509_certificates(self.chain)
        if self.certificates[0].public_key() != load_pem_private_key(self.key, None).public_key():
            raise ValueError("the key belongs to another certificate")
        self.expires = self.certificates[0].not_valid_after_utc


def log(level, event, **details):
    print(json.dumps({"time": stamp(datetime.now(timezone.utc)), "level": level, "event": event, **details}), flush=True)


def stamp(time):
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def read(directory):
    """The material in a directory; None where there is none or it is not whole."""
    try:
        return Material(directory)
    except (OSError, ValueError):
        return None


def obtain(settings):
    """Runs certbot, which does nothing unless a certificate is missing, due, or for other names."""
    # A run that was killed leaves a lineage that certbot would step around under another name. The account stays.
    renewal = ACME / "renewal" / f"{LINEAGE}.conf"
    if not read(ACME / "live" / LINEAGE) or not renewal.is_file() or not renewal.stat().st_size:
        for part in ("live", "archive", "renewal"):
            shutil.rmtree(ACME / part, ignore_errors=True)
    CHALLENGE.mkdir(exist_ok=True)
    command = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--server", settings["ACME_DIRECTORY"]]
    command += ["--email", settings["ACME_EMAIL"]] if settings.get("ACME_EMAIL") else ["--register-unsafely-without-email"]
    command += ["--webroot", "--webroot-path", str(CHALLENGE), "--key-type", "ecdsa"]
    command += ["--cert-name", LINEAGE, "--keep-until-expiring", "--renew-with-new-domains"]
    command += [argument for name in settings["NAMES"].split() for argument in ("--domain", name)]
    command += ["--config-dir", str(ACME), "--work-dir", "/tmp/work", "--logs-dir", "/tmp/logs", "--max-log-backups", "3"]
    command += ["--no-verify-ssl"] if settings.get("THROWAWAY_CA_ROOT") else []
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ran.returncode != 0:
        lines = [line.strip() for line in ran.stdout.splitlines()]
        raise Failure(" ".join(line for line in lines if line and not line.startswith(BOILERPLATE))[:1000])


def throwaway_root(url, certificates):
    """The test CA's root certificate, fetched anew: a CA that was restarted since has another."""
    try:
        with urllib.request.urlopen(url, context=ssl._create_unverified_context(), timeout=10) as answer:
            pem = answer.read()
        certificates[-1].verify_directly_issued_by(x509.load_pem_x509_certificate(pem))
    except Exception as problem:
        raise Failure(f"The root at {url} does not fit: {problem!r}") from problem
    return pem


def publish(settings):
    """Publishes certbot's certificate, if it is not yet, in one step: a reader sees the old files or the new."""
    material = read(ACME / "live" / LINEAGE)
    if not material:
        raise Failure("certbot left no whole certificate.")
    published = read(LIVE)
    if published and published.chain == material.chain:
        return
    root = settings.get("THROWAWAY_CA_ROOT")
    ca = throwaway_root(root, material.certificates) if root else None
    directory = Path(tempfile.mkdtemp(prefix="issued-", dir=PUBLISHED))
    # The front reads as the owner, or as root without any capability, whose group 0 these files have.
    directory.chmod(0o750)
    for name, content in (("fullchain.pem", material.chain), ("privkey.pem", material.key), ("ca.pem", ca)):
        if content:
            (directory / name).write_bytes(content)
            (directory / name).chmod(0o440)
    following = PUBLISHED / "next"
    following.unlink(missing_ok=True)
    following.symlink_to(directory.name)
    former = LIVE.resolve()
    following.replace(LIVE)
    for outdated in PUBLISHED.glob("issued-*"):
        if outdated not in (directory, former):
            shutil.rmtree(outdated)
    log("info", "certificate-published", names=settings["NAMES"].split(), expires=stamp(material.expires))


def main(settings):
    check = int(settings.get("RENEW_CHECK_SECONDS", 3600))
    retry = int(settings.get("RETRY_SECONDS", 120))
    failures = 0
    while True:
        delay = check
        try:
            obtain(settings)
            publish(settings)
            failures = 0
        except (Failure, OSError) as failure:
            delay = min(retry * 2**failures, check)
            failures += 1
            published = read(LIVE)
            kept = f"kept, expires {stamp(published.expires)}" if published else "there is none yet"
            again = stamp(datetime.now(timezone.utc) + timedelta(seconds=delay))
            log("error", "certificate-failed", names=settings["NAMES"].split(), reason=str(failure), certificate=kept, nextAttempt=again)
            if settings.get("THROWAWAY_CA_ROOT"):
                for part in ACME.iterdir():
                    shutil.rmtree(part) if part.is_dir() else part.unlink()
        time.sleep(delay)


if __name__ == "__main__":
    # The first process of a container ignores SIGTERM unless it says otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(os.environ)
