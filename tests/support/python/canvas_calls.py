"""Calls the tasks of canvas_app as Python programs do, and prints what came of it as JSON.

Usage: canvas_calls.py SCENARIO ARGUMENTS, these a JSON list.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

from celery import chain, chord, group, signature
from celery.result import AsyncResult, ResultSet

from canvas_app import add, app, began, fail, flaky, total

# Longer than any test may take: a test fails by its own limit, and says more then.
LIMIT = 200


def send(name, args, options=None):
    """Sends, and does not wait."""
    return app.send_task(name, args=args, **(options or {})).id


def call(name, args, options=None):
    """Sends, waits, and says what became of it."""
    result = app.send_task(name, args=args, **(options or {}))
    value = result.get(timeout=LIMIT, propagate=False)
    return {"id": result.id, "state": result.state, "value": value if result.state == "SUCCESS" else repr(value)}


def retried(times, countdown):
    return flaky.delay(times, countdown).get(timeout=LIMIT)


def later(seconds):
    """When it was asked to begin at the earliest, and when it began: by countdown, and by eta."""
    due = time.time() + seconds
    by_countdown = began.apply_async(countdown=seconds)
    by_eta = began.apply_async(eta=datetime.now(timezone.utc) + timedelta(seconds=seconds))
    return {"due": due, "countdown": by_countdown.get(timeout=LIMIT), "eta": by_eta.get(timeout=LIMIT)}


def failed(text):
    result = fail.delay(text)
    error = result.get(timeout=LIMIT, propagate=False)
    return {"type": type(error).__name__, "args": list(error.args), "traceback": result.traceback}


def chained(*numbers):
    first, *rest = numbers
    return chain(add.s(first), *(add.s(number) for number in rest)).apply_async().get(timeout=LIMIT)


def grouped(count):
    return group(add.s(index, index) for index in range(count)).apply_async().get(timeout=LIMIT)


def read_late(count):
    """Consumes nothing until the broker holds every result; then they come at once."""
    results = [add.delay(index, index) for index in range(count)]
    with app.connection() as connection:
        waiting = 0
        while waiting < count:
            time.sleep(0.05)
            waiting = connection.default_channel.queue_declare(app.backend.oid, passive=True).message_count
    return ResultSet(results).get(timeout=LIMIT)


def chord_of(count):
    return chord((add.s(index, index) for index in range(count)), total.s()).apply_async().get(timeout=LIMIT)


def chain_of_chords(count):
    """A group in the middle of a chain becomes a chord; so does the one at its end."""
    steps = chain(add.s(1), group(add.s(index) for index in range(count)), total.s(), add.s(1000))
    return steps.apply_async().get(timeout=LIMIT)


def broken_chord(text):
    result = chord([add.s(1, 1), fail.s(text), add.s(2, 2)], total.s()).apply_async()
    error = result.get(timeout=LIMIT, propagate=False)
    return {"type": type(error).__name__, "text": str(error)}


def composed(spec):
    """A workflow of its description: {"chain": […]}, {"group": […]}, {"chord": [[…], body]}, or [name, args, options]."""
    if isinstance(spec, list):
        name, args, options = spec
        return signature(name, args=args, app=app, immutable=options.pop("immutable", False), **options)
    if "dict" in spec:
        return signature(spec["dict"], app=app)
    if "chord" in spec:
        header, body = spec["chord"]
        return chord([composed(one) for one in header], composed(body))
    kind, members = next(iter(spec.items()))
    return {"chain": chain, "group": group}[kind]([composed(one) for one in members])


def run(spec, errback=None):
    """Runs a workflow and says how it ended."""
    workflow = composed(spec)
    if errback is not None:
        workflow.link_error(composed(errback))
    result = workflow.apply_async()
    try:
        return {"value": result.get(timeout=LIMIT)}
    except Exception as error:  # whatever it was, the test knows
        return {"type": type(error).__name__, "text": str(error)}


def reread(dicts):
    """Signatures as Celery reads and writes them again."""
    return [json.loads(json.dumps(signature(one, app=app))) for one in dicts]


def state(task_id):
    return AsyncResult(task_id, app=app).state


def inspect(names, destination):
    """What a worker answers, by question."""
    asked = app.control.inspect(destination=[destination], timeout=LIMIT)
    return {name: (getattr(asked, name)(*args) or {}).get(destination) for name, args in names.items()}


def control(name, args, options=None):
    """A command to workers; without `reply` it waits for nobody."""
    return getattr(app.control, name)(*args, **(options or {}))


SCENARIOS = {
    one.__name__: one
    for one in (send, call, retried, later, failed, chained, grouped, read_late, chord_of, chain_of_chords,
                broken_chord, run, reread, state, inspect, control)
}

if __name__ == "__main__":
    print(json.dumps(SCENARIOS[sys.argv[1]](*json.loads(sys.argv[2])), default=repr))
