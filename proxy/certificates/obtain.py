"""Has certbot issue or renew the certificate: it does nothing unless one is missing or due."""

import hashlib
import re
import shutil
import subprocess
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

from material import read

ACME = Path("/acme")
CHALLENGE = Path("/certificates/challenge")
LOGS = Path("/tmp/logs")
CREDENTIALS = Path("/tmp/cloudflare.ini")

# What certbot prints around the reason of a failure, and at length, a library of its Cloudflare plugin about its own version.
BOILERPLATE = ("Saving debug log", "Requesting a", "Renewing an", "Account registered", "Ask for help", "Some challenges", "See the logfile", "Waiting ", "!!", "/usr/", "self.cf")
# An answer of the CA that says when to come again, as certbot's log has it.
BUSY = re.compile(r"^HTTP (?:429|503)\n(?:[^\n]+\n)*?retry-after: ([^\n]+)$", re.IGNORECASE | re.MULTILINE)
# A CA that says a year must not have its way.
LONGEST_WAIT_SECONDS = 24 * 3600


class Failure(Exception):
    """No certificate this time; the message is the reason."""

    def __init__(self, reason, wait=0):
        super().__init__(reason)
        # Seconds for which the CA asks not to be asked again.
        self.wait = wait


def obtain(settings):
    """Returns the directory that certbot keeps the certificate in."""
    lineage = lineage_of(settings)
    # A run that was killed leaves a lineage that certbot would step around under another name. The account stays.
    renewal = ACME / "renewal" / f"{lineage}.conf"
    material = read(ACME / "live" / lineage)
    if material and renewal.is_file() and renewal.stat().st_size:
        set_due(renewal, material.lifetime)
    else:
        renewal.unlink(missing_ok=True)
        for part in ("live", "archive"):
            shutil.rmtree(ACME / part / lineage, ignore_errors=True)
    shutil.rmtree(LOGS, ignore_errors=True)
    status, output = run([*command(settings), "--cert-name", lineage], int(settings.get("ATTEMPT_SECONDS", 600)))
    if status != 0:
        lines = [line.strip() for line in output.splitlines()]
        raise Failure(" ".join(line for line in lines if line and not line.startswith(BOILERPLATE))[-1000:], asked_to_wait())
    return ACME / "live" / lineage


def lineage_of(settings):
    """Each CA, profile and set of names has a certificate of its own: to go back to former ones costs nothing of the CA's limits."""
    distinct = "\n".join((settings["ACME_DIRECTORY"], settings.get("ACME_PROFILE", ""), settings["NAMES"]))
    return f"drawbridge-{hashlib.sha256(distinct.encode()).hexdigest()[:12]}"


def set_due(renewal, lifetime):
    """
    Says in certbot's own file when the certificate is due: with a third of its lifetime left, or half where that is under ten days.
    certbot 4.0 would take 30 days for each, and renew one of six days whenever it is asked.
    """
    seconds = int(lifetime / (2 if lifetime < 10 * 86_400 else 3))
    kept = [line for line in renewal.read_text().splitlines(keepends=True) if not line.startswith("renew_before_expiry")]
    renewal.write_text("".join([f"renew_before_expiry = {seconds} seconds\n", *kept]))


def command(settings):
    arguments = ["certbot", "certonly", "--non-interactive", "--agree-tos", "--keep-until-expiring", "--key-type", "ecdsa"]
    arguments += ["--server", settings["ACME_DIRECTORY"]]
    arguments += ["--email", settings["ACME_EMAIL"]] if settings.get("ACME_EMAIL") else ["--register-unsafely-without-email"]
    arguments += ["--preferred-profile", settings["ACME_PROFILE"]] if settings.get("ACME_PROFILE") else []
    arguments += dns_01(settings["CLOUDFLARE_TOKEN"]) if settings.get("CLOUDFLARE_TOKEN") else http_01()
    arguments += [argument for name in settings["NAMES"].split() for argument in ("--domain", name)]
    arguments += ["--config-dir", str(ACME), "--work-dir", "/tmp/work", "--logs-dir", str(LOGS)]
    arguments += ["--no-verify-ssl"] if settings.get("THROWAWAY_CA_ROOT") else []
    return arguments


def http_01():
    """RFC 8555 §8.3: the front serves the proof on port 80."""
    CHALLENGE.mkdir(exist_ok=True)
    return ["--webroot", "--webroot-path", str(CHALLENGE)]


def dns_01(token):
    """RFC 8555 §8.4: a TXT record of the zone, which no open port is needed for. The token stays in memory."""
    CREDENTIALS.touch(mode=0o600)
    CREDENTIALS.write_text(f"dns_cloudflare_api_token = {token}\n")
    return ["--dns-cloudflare", "--dns-cloudflare-credentials", str(CREDENTIALS)]


def run(arguments, seconds):
    """Status and output of a command. Its end is asked for when a CA that never comes to an end has used up the time, or we are stopped."""
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except BaseException as interruption:
            # It takes back the DNS records of its challenges first.
            process.terminate()
            try:
                process.communicate(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
            if isinstance(interruption, subprocess.TimeoutExpired):
                raise Failure(f"The CA did not come to an end within {seconds} s.") from None
            raise
    return process.returncode, output


def asked_to_wait():
    """Seconds for which the CA asked to be left alone in this attempt (RFC 8555 §6.6, RFC 9110 §10.2.3)."""
    asked = [delay(value.strip()) for log in LOGS.glob("*.log") for value in BUSY.findall(log.read_text())]
    return min(max(asked, default=0), LONGEST_WAIT_SECONDS)


def delay(retry_after):
    if retry_after.isdigit():
        return int(retry_after)
    try:
        return (parsedate_to_datetime(retry_after) - datetime.now(timezone.utc)).total_seconds()
    except (ValueError, TypeError):
        return 0
