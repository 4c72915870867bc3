"""A Celery producer that signs: what docs/security.md shows, and the calls that the tests make with it.

Usage: signing_send.py. Reads SIGNING_KEY_ID, SIGNING_SECRET and INTEROP_BROKER; prints the ids of its calls.
"""

# --- shown in docs/security.md: keep both alike
import base64
import hashlib
import hmac
import os
import time

from celery.signals import before_task_publish
from kombu.serialization import dumps

KEY_ID = os.environ["SIGNING_KEY_ID"]
SECRET = os.environ["SIGNING_SECRET"].encode()


@before_task_publish.connect
def sign(sender=None, body=None, exchange="", routing_key="", headers=None, properties=None, **_):
    exchange = getattr(exchange, "name", exchange) or ""
    if exchange.startswith("celery_delayed_"):  # the delay queues are a way, not the target
        exchange, routing_key = "", routing_key[56:]
    _, _, payload = dumps(body, serializer="json")
    issued_at = str(int(time.time() * 1000))
    texts = ["celeriac-signature-1", "task", KEY_ID, issued_at, headers["id"], headers["task"], exchange, routing_key]
    texts += [headers.get("retries"), headers.get("eta"), headers.get("expires"), properties.get("reply_to")]
    parts = [("" if text is None else str(text)).encode() for text in texts]
    parts.append(hashlib.sha256(payload if isinstance(payload, bytes) else payload.encode()).digest())
    signed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    signature = base64.urlsafe_b64encode(hmac.new(SECRET, signed, "sha256").digest()).rstrip(b"=").decode()
    headers["celeriac-signature"] = "v1." + signature
    headers["celeriac-signature-key"] = KEY_ID
    headers["celeriac-signature-time"] = issued_at
# --- end


if __name__ == "__main__":
    from interop_app import app, record
    from interop_send import said

    said(record.delay("now", n=1, text="žluťoučký 🐟"))
    said(record.apply_async(args=["expires"], expires=3600, headers={"x-tenant": "a"}))
    said(record.apply_async(args=["later"], countdown=3))
    said(app.send_task("interop.record", args=["plainly"], reply_to="somewhere"))
