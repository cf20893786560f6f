"""V4 signed URLs of Cloud Storage, verified. The emulator serves such URLs without looking at the signature.

The canonical request and the string to sign are those of
https://cloud.google.com/storage/docs/authentication/canonical-requests; the signature is RSASSA-PKCS1-v1_5 with
SHA-256 (RFC 8017 section 8.2.2), which needs nothing beyond integer arithmetic to verify.
"""

import hashlib
import hmac
from datetime import datetime, timedelta, timezone
from urllib.parse import parse_qsl, quote, urlsplit

# DigestInfo of SHA-256, RFC 8017 section 9.2 note 1.
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_LONGEST = 7 * 24 * 3600


def public_key(der):
    """The modulus and the exponent of an RSAPublicKey, RFC 8017 appendix A.1.1."""
    outer, rest = _value(der)
    modulus, rest = _value(outer)
    return int.from_bytes(modulus, "big"), int.from_bytes(_value(rest)[0], "big")


def _value(der):
    """The content of the first DER element, and what follows it."""
    length, start = der[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(der[2:start], "big")
    return der[start : start + length], der[start + length :]


def is_signed(path):
    return "X-Goog-Signature=" in urlsplit(path).query


def refusal(method, path, headers, keys, now=None):
    """Why the request is refused, as (status, reason); None when the signature holds.

    `keys` maps a signer's email address to its public key (modulus, exponent).
    """
    parts = urlsplit(path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    fields = dict(query)
    try:
        email, date, scope = fields["X-Goog-Credential"].split("/", 2)
        made = datetime.strptime(fields["X-Goog-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        lifetime = int(fields["X-Goog-Expires"])
        names = fields["X-Goog-SignedHeaders"].split(";")
        signature = bytes.fromhex(fields["X-Goog-Signature"])
    except (KeyError, ValueError):
        return 400, "MalformedSecurityHeader"
    if fields.get("X-Goog-Algorithm") != "GOOG4-RSA-SHA256" or not 0 < lifetime <= _LONGEST:
        return 400, "InvalidArgument"
    now = now or datetime.now(timezone.utc)
    if now > made + timedelta(seconds=lifetime) or now < made - timedelta(minutes=15):
        return 400, "ExpiredToken"
    if "host" not in names or email not in keys:
        return 403, "SignatureDoesNotMatch"
    canonical_query = "&".join(
        "%s=%s" % (quote(name, safe="~"), quote(value, safe="~"))
        for name, value in sorted(query)
        if name != "X-Goog-Signature"
    )
    canonical_headers = "".join("%s:%s\n" % (name, _header(headers, name)) for name in names)
    payload = headers.get("x-goog-content-sha256") or "UNSIGNED-PAYLOAD"
    canonical = "\n".join(
        [method, parts.path, canonical_query, canonical_headers, ";".join(names), payload]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = "\n".join(
        ["GOOG4-RSA-SHA256", fields["X-Goog-Date"], "%s/%s" % (date, scope), digest]
    )
    if not _verify(to_sign.encode(), signature, *keys[email]):
        return 403, "SignatureDoesNotMatch"
    return None


def _header(headers, name):
    value = " ".join((headers.get(name) or "").split())
    # The port is not part of what is signed.
    return value.rsplit(":", 1)[0] if name == "host" else value


def _verify(message, signature, modulus, exponent):
    length = (modulus.bit_length() + 7) // 8
    if len(signature) != length:
        return False
    opened = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(length, "big")
    tail = _DIGEST_INFO + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (length - len(tail) - 3) + b"\x00" + tail
    return hmac.compare_digest(opened, expected)
