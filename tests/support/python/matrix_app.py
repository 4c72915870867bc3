"""The Celery application of the interop matrix: queues of both types, and tasks that tell what they were called with.

Never decides whether that was right: the tests do.
"""

import json
import os
import time
import uuid
from datetime import date, datetime, timezone
from decimal import Decimal

import kombu
from celery import Celery, bootsteps
from kombu import Queue
from kombu.common import QoS

app = Celery("matrix", broker=os.environ["INTEROP_BROKER"], backend=os.environ["INTEROP_BACKEND"])


def queues():
    for name in ("py", "node"):
        yield Queue(f"{name}.classic", routing_key=f"{name}.classic", exchange="")
        yield Queue(f"{name}.quorum", routing_key=f"{name}.quorum", exchange="",
                    queue_arguments={"x-queue-type": "quorum"})


app.conf.update(
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    task_queues=list(queues()),
    task_default_queue="py.classic",
    task_track_started=True,
    result_expires=600,
)


class PrefetchPerConsumer(bootsteps.StartStopStep):
    """Quorum queues refuse the prefetch per channel that Celery before 5.5 asks for: error 540."""

    requires = {"celery.worker.consumer.tasks:Tasks"}

    def start(self, consumer):
        channel = consumer.connection.default_channel
        channel.basic_qos(0, 0, True)
        channel.basic_qos(0, consumer.initial_prefetch_count, False)

        def set_prefetch_count(prefetch_count):
            return consumer.task_consumer.qos(prefetch_count=prefetch_count, apply_global=False)

        consumer.qos = QoS(set_prefetch_count, consumer.initial_prefetch_count)


app.steps["consumer"].add(PrefetchPerConsumer)

VALUES = {
    "one": 1.0,
    "negative-zero": -0.0,
    "beyond": 2**53 + 1,
    "huge": -(2**70),
    "nan": float("nan"),
    "infinity": float("inf"),
    "datetime": datetime(2026, 11, 25, 4, 9, 3, 317000, tzinfo=timezone.utc),
    "date": date(2026, 11, 25),
    "decimal": Decimal("2.50"),
    "uuid": uuid.UUID(int=2),
    "bytes": b"\xff\x00",
    "megabyte": "é" * 500_000,
}


def kind(value):
    """The name of the value's type, and of the types inside of lists and dictionaries."""
    if isinstance(value, (list, tuple)):
        return [kind(item) for item in value]
    if isinstance(value, dict):
        return {key: kind(item) for key, item in value.items()}
    return type(value).__name__


def seen(request, args, kwargs):
    names = ("retries", "timelimit", "eta", "expires", "root_id", "parent_id", "ignore_result", "correlation_id")
    return {
        "args": args,
        "kwargs": kwargs,
        "kinds": kind([list(args), kwargs]),
        "fields": {name: getattr(request, name, None) for name in names},
        "priority": request.delivery_info.get("priority"),
        "at": time.time(),
    }


@app.task(bind=True, name="matrix.echo")
def echo(self, *args, **kwargs):
    return seen(self.request, args, kwargs)


@app.task(name="matrix.double")
def double(number):
    return 2 * number


@app.task(name="matrix.give")
def give(name):
    return VALUES[name]


@app.task(name="matrix.fail")
def fail(*args):
    raise ValueError(*args)


@app.task(bind=True, name="matrix.flaky", max_retries=5)
def flaky(self, times, countdown):
    """Gives up so many times before it succeeds."""
    if self.request.retries < times:
        raise self.retry(countdown=countdown, exc=KeyError("not yet"))
    return {**seen(self.request, [], {}), "retries": self.request.retries}


@app.task(name="matrix.slow")
def slow(seconds):
    end = time.time() + seconds
    while time.time() < end:
        time.sleep(0.02)


@app.task(bind=True, name="matrix.quiet", ignore_result=True)
def quiet(self, label):
    """Its own setting says that nobody wants its result."""
    with open(os.environ["INTEROP_LINES"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"id": self.request.id, "label": label}) + "\n")
    return label


VERSIONS = {"kombu": list(kombu.VERSION[:2])}
