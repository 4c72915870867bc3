"""The Celery application of the tests of Celery's own features: tasks with results, retries and rules of their own.

Never decides whether what happens is right: the tests do.
"""

import json
import os
import time

from celery import Celery, group, signature

app = Celery("canvas", broker=os.environ["INTEROP_BROKER"], backend=os.environ.get("INTEROP_BACKEND", "rpc://"))
app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    task_queue_max_priority=int(os.environ.get("INTEROP_MAX_PRIORITY", "0")) or None,
    result_expires=600,
)


def note(request, **line):
    """A line for the test, which reads along."""
    line.update(id=request.id, redelivered=request.delivery_info["redelivered"], retries=request.retries)
    with open(os.environ["INTEROP_LINES"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@app.task(name="canvas.add")
def add(*numbers):
    return sum(numbers)


@app.task(name="canvas.total")
def total(numbers):
    return sum(numbers)


@app.task(bind=True, name="canvas.spread")
def spread(self, *numbers):
    """Is replaced by a group of Python's and Node's tasks, so that celery.accumulate, in Node's queue, ends it."""
    both = group(signature("node.add", [number, number], app=app, queue="node") for number in numbers)
    accumulate = signature("celery.accumulate", kwargs={"index": 0}, app=app, queue="node")
    return self.replace(both | accumulate)


@app.task(name="canvas.fail")
def fail(text):
    raise ValueError(text)


@app.task(name="canvas.began")
def began():
    return time.time()


@app.task(bind=True, name="canvas.mark")
def mark(self, label):
    note(self.request, label=label, priority=self.request.delivery_info["priority"])
    return label


@app.task(bind=True, name="canvas.flaky", max_retries=5)
def flaky(self, times, countdown):
    """Gives up so many times before it succeeds."""
    note(self.request, began=time.time())
    if self.request.retries < times:
        raise self.retry(countdown=countdown, exc=ValueError("not yet"))
    return self.request.retries


def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.02)


@app.task(bind=True, name="canvas.hold")
def hold(self, until):
    """Runs until a file is there. Acknowledged when it begins."""
    note(self.request, label="hold")
    wait_for(until)
    return "held"


@app.task(bind=True, name="canvas.keep", acks_late=True)
def keep(self, until):
    """Runs until a file is there. Acknowledged when it ends."""
    note(self.request, label="keep")
    wait_for(until)
    return "kept"
