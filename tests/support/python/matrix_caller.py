"""A Python program that calls tasks as it is told, one JSON line in, one out, until its input ends.

Each line is {"call": name, ...}. In arguments {"$": name} stands for a value that JSON does not have.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

from celery.result import ResultSet

from matrix_app import VALUES, VERSIONS, app, kind

# What comes later never comes; others wait for their turn meanwhile.
LIMIT = 100
results = {}


def value(given):
    if isinstance(given, dict):
        return VALUES[given["$"]] if set(given) == {"$"} else {key: value(item) for key, item in given.items()}
    return [value(item) for item in given] if isinstance(given, list) else given


def moment(seconds, zone):
    """A time so far from now: with the offset of a zone so many hours east, or (None) UTC without saying so."""
    now = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return now.replace(tzinfo=None) if zone is None else now.astimezone(timezone(timedelta(hours=zone)))


def keep(result):
    """A result that rpc:// has received before anyone asks is there at once only if it is known to be waited for."""
    app.backend.add_pending_result(result)
    results[result.id] = result


def send(name, args=(), kwargs=None, eta=None, options=None):
    """Sends; `eta` is [seconds from now, zone]."""
    due = None if eta is None else moment(*eta)
    result = app.send_task(name, args=value(list(args)), kwargs=value(kwargs or {}), eta=due, **(options or {}))
    keep(result)
    return {"id": result.id, "due": None if due is None else time.time() + eta[0]}


def expired(queue):
    """Expired a minute ago; without the property by which the broker would drop it before anyone sees it."""
    identity = f"expired-{queue}"
    past = datetime.now(timezone.utc) - timedelta(minutes=1)
    message = app.amqp.as_task_v2(identity, "matrix.echo", ["late"], {}, expires=past, reply_to=app.thread_oid)
    with app.producer_or_acquire() as producer:
        app.backend.on_task_call(producer, identity)
        producer.publish(message.body, routing_key=queue, exchange="", serializer="json",
                         headers=message.headers, **message.properties)
    keep(app.AsyncResult(identity))
    return {"id": identity}


def get(id):
    states = []
    result = results[id]
    got = result.get(timeout=LIMIT, propagate=False, on_message=lambda meta: states.append(meta["status"]))
    told = {"state": result.state, "states": states, "traceback": result.traceback}
    if isinstance(got, BaseException):
        return {**told, "type": type(got).__name__, "module": type(got).__module__, "args": list(got.args)}
    return {**told, "value": got, "kinds": kind(got)}


def state(id):
    """What is known of it without waiting."""
    return results[id].state


def send_revoked(queue, seconds):
    """Due in so many seconds, and revoked until both workers have heard it."""
    sent = send("matrix.see", eta=(seconds, 0), options={"queue": queue})
    app.control.revoke(sent["id"], reply=True, timeout=30, limit=2)
    return sent


def fan_out(name, queue, count):
    """Calls a task with 0, 1, 2, …, and reads all results back, in order."""
    sent = [app.send_task(name, args=[index], queue=queue) for index in range(count)]
    return ResultSet(sent).get(timeout=LIMIT)


def versions():
    return VERSIONS


CALLS = {one.__name__: one for one in (send, expired, send_revoked, get, state, fan_out, versions)}

for line in sys.stdin:
    request = json.loads(line)
    name = request.pop("call")
    try:
        answer = {"answer": CALLS[name](**request)}
    except Exception as error:
        answer = {"error": type(error).__name__, "text": str(error)}
    print(json.dumps(answer, default=repr), flush=True)
