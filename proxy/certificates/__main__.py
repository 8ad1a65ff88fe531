"""Keeps a certificate for our names on the certificates volume, renewed before it expires. Python, since certbot brings it.

certbot decides when a renewal is due: with a third of the lifetime left, or half where that is under ten days, and before that by
the CA's advice (RFC 9773) where the version knows it. A failure keeps what is published, is logged as one JSON line, and is
followed by another attempt later.

Environment:
  ACME_DIRECTORY       URL of the CA's directory
  ACME_EMAIL           where the CA may write to; optional
  ACME_PROFILE         a profile of the CA, for example for short-lived certificates; optional
  NAMES                the host names, separated by spaces
  CLOUDFLARE_TOKEN     API token that may edit the zone's DNS: then the challenge is DNS-01, else HTTP-01
  RETRY_SECONDS        delay after a first failure, doubled with each further one up to an hour. The default of 120 makes five
                       attempts in the first hour, which is what Let's Encrypt allows per name.
  ATTEMPT_SECONDS      how long one attempt may take; default 600
  THROWAWAY_CA_ROOT    URL of a test CA's root certificate. Dangerous: the CA's TLS is not verified, and after a failure its
                       account is forgotten, since such a CA (Pebble) forgets accounts too. The root is published as ca.pem.
"""

import json
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime, timedelta, timezone

from obtain import ACME, obtain
from publish import publish, publish_metrics, published


def log(level, event, **details):
    print(json.dumps({"time": stamp(datetime.now(timezone.utc)), "level": level, "event": event, **details}), flush=True)


def stamp(time):
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def pace():
    """Seconds after which certbot is asked again: every hour, or more often where a certificate lives for minutes."""
    material = published()
    return max(3, min(3600, material.lifetime / 48)) if material else 3600


def attempt(settings, failures):
    """One attempt. Returns how many have failed in a row, and the seconds until the next."""
    names = settings["NAMES"].split()
    try:
        material = publish(obtain(settings), settings)
        if material:
            log("info", "certificate-published", names=names, expires=stamp(material.expires))
        return 0, pace()
    # Whatever it is: a loop that ended would start again at once, and ask the CA each time.
    except Exception as failure:
        retry = int(settings.get("RETRY_SECONDS", 120))
        delay = max(min(retry * 2**failures, pace()), getattr(failure, "wait", 0))
        material = published()
        kept = f"kept, expires {stamp(material.expires)}" if material else "there is none yet"
        again = stamp(datetime.now(timezone.utc) + timedelta(seconds=delay))
        log("error", "certificate-failed", names=names, reason=str(failure), certificate=kept, nextAttempt=again)
        if settings.get("THROWAWAY_CA_ROOT"):
            for part in ACME.iterdir():
                shutil.rmtree(part) if part.is_dir() else part.unlink()
        return failures + 1, delay


def main(settings):
    failures = 0
    while True:
        failures, delay = attempt(settings, failures)
        with suppress(OSError):
            publish_metrics(failures)
        time.sleep(delay)


if __name__ == "__main__":
    # The first process of a container ignores SIGTERM unless it says otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    main(os.environ)
