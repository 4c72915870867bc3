"""The Celery application of the tests of results: what tasks return and raise, and what a Python program reads.

Usage as a program: results_app.py QUEUE CALLS, these a JSON list of [task name, arguments]; prints for each the
states that were seen, and what came of it. Never decides whether that is right: the tests do.
"""

import json
import os
import sys
import time

from celery import Celery

app = Celery("results", broker=os.environ["INTEROP_BROKER"], backend=os.environ["INTEROP_BACKEND"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    task_track_started=True,
    result_expires=600,
)

# Longer than any test may take: a test fails by its own limit, and says more then.
LIMIT = 200

VALUES = {
    "number": 42,
    "look-alike": {"status": "STARTED", "result": 1},
    "none": None,
    "text": "åß漢😀",
    "big": 2**80,
    "nested": [[1, [2, {"a": [None, True, 1.5]}]], {}],
}


@app.task(name="results.give")
def give(name):
    return VALUES[name]


@app.task(name="results.fail")
def fail(*args):
    raise ValueError(*args)


@app.task(bind=True, name="results.hold")
def hold(self, until):
    """Tells how far it is, and ends when a file is there."""
    self.update_state(state="PROGRESS", meta={"done": 1})
    while not os.path.exists(until):
        time.sleep(0.02)
    return "held"


@app.task(bind=True, name="results.again", max_retries=3)
def again(self):
    if self.request.retries == 0:
        raise self.retry(countdown=0, exc=KeyError("first"))
    return self.request.retries


def read(name, args, queue):
    states = []
    result = app.send_task(name, args=args, queue=queue)
    value = result.get(timeout=LIMIT, propagate=False, on_message=lambda meta: states.append(meta["status"]))
    told = {"state": result.state, "states": states, "traceback": result.traceback}
    if isinstance(value, BaseException):
        told.update(type=type(value).__name__, module=type(value).__module__, args=list(value.args))
    else:
        told["value"] = value
    return told


if __name__ == "__main__":
    for call in json.loads(sys.argv[2]):
        print(json.dumps(read(call[0], call[1], sys.argv[1])), flush=True)
