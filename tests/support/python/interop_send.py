"""Sends tasks as Python programs do, and prints a JSON line for each: its id, and what it was called with.

Usage: interop_send.py SCENARIO [COUNT]. Waits for nobody to run them.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

from interop_app import app, record


def said(result, args=(), kwargs=None):
    print(json.dumps({"id": result.id, "args": list(args), "kwargs": kwargs or {}}, ensure_ascii=False), flush=True)


def many(count):
    """Everything an argument can be, with headers, priorities and expiry."""
    for index in range(count):
        args = [index, f"žluťoučký 🐟 {index}", 2**53 + 1, -(2**70), 1.5, True, None]
        kwargs = {"n": index, "nested": {"list": [1, [2, {"três": [None, False]}]], "empty": {}}, "text": ""}
        result = record.apply_async(
            args=args,
            kwargs={**kwargs, "when": datetime(2026, 11, 25, 4, 9, 3, 317000, tzinfo=timezone.utc)},
            priority=index % 10,
            expires=3600,
            headers={"x-big": 2**31 + index, "x-huge": 2**53 + 1, "x-negative": -(2**40), "x-tenant": "ačme", "x-flag": True},
        )
        said(result, args, kwargs)


def delay(_count):
    said(record.delay("delayed", n=1), ["delayed"], {"n": 1})


def countdown(_count):
    said(record.apply_async(args=["later"], countdown=1), ["later"])


def later(_count):
    said(record.apply_async(args=["later"], countdown=4), ["later"])
    moment = datetime.now(timezone.utc) + timedelta(seconds=3)
    said(record.apply_async(args=["at"], eta=moment), ["at"])


def expired(_count):
    """Expired a minute ago; without the property by which the broker would drop it before anyone sees it."""
    past = datetime.now(timezone.utc) - timedelta(minutes=1)
    identity = "00000000-0000-4000-8000-00000000e0e0"
    message = app.amqp.as_task_v2(identity, "interop.record", ["late"], {}, expires=past)
    with app.producer_or_acquire() as producer:
        producer.publish(message.body, routing_key="celery", exchange="", serializer="json",
                         headers=message.headers, **message.properties)
    print(json.dumps({"id": identity, "args": ["late"], "kwargs": {}}), flush=True)


def unknown(_count):
    said(app.send_task("interop.nobody_has_this", args=[1]), [1])


def gzip(_count):
    said(record.apply_async(args=["x" * 10_000], compression="gzip"), ["x" * 10_000])


def limited(_count):
    """An endless loop under Celery's own limits; time_limit is the hard one."""
    said(app.send_task("spin", time_limit=1.5, soft_time_limit=1))


def deadly(_count):
    said(app.send_task("kill"))


def contract(_count):
    """A task that only Node has, called by position, by name, and both."""
    said(app.send_task("interop.contract", args=["a-1", 5]), ["a-1", 5])
    said(app.send_task("interop.contract", kwargs={"account": "a-2", "amount": 6}), [], {"account": "a-2", "amount": 6})
    said(app.send_task("interop.contract", args=["a-3"], kwargs={"amount": 7}), ["a-3"], {"amount": 7})
    said(app.send_task("interop.contract", args=["a-4", 0]), ["a-4", 0])


CASES = (many, delay, countdown, later, expired, unknown, gzip, limited, deadly, contract)
SCENARIOS = {one.__name__: one for one in CASES}

if __name__ == "__main__":
    SCENARIOS[sys.argv[1]](int(sys.argv[2]) if len(sys.argv) > 2 else 1)
