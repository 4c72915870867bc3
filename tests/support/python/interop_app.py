"""The Celery application of the interop tests: a task that writes what it was called with, a JSON line each, and
two that retry.

Never decides whether that was right: the tests do.
"""

import json
import os
import time

from celery import Celery

app = Celery("interop", broker=os.environ["INTEROP_BROKER"])
app.conf.update(
    task_ignore_result=True,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    # Without a limit: kombu's loop sleeps on acknowledgements, and a worker that has used up its prefetch with it.
    worker_prefetch_multiplier=0,
    broker_connection_retry_on_startup=True,
    task_protocol=int(os.environ.get("INTEROP_PROTOCOL", "2")),
)


def kind(value):
    """The name of the value's type, and of the types inside of a list."""
    if isinstance(value, (list, tuple)):
        return [kind(item) for item in value]
    return type(value).__name__


def write_down(request, args, kwargs):
    names = ("retries", "timelimit", "eta", "expires", "root_id", "parent_id", "group", "shadow", "lang",
             "origin", "ignore_result", "argsrepr", "kwargsrepr", "correlation_id", "reply_to")
    fields = {name: getattr(request, name, None) for name in names}
    # Celery makes every header an attribute of the request, custom ones too.
    own = {name: value for name, value in vars(request).items() if name.startswith("x-")}
    line = {
        "id": request.id,
        "args": args,
        "kwargs": kwargs,
        "fields": fields,
        "kinds": {name: kind(value) for name, value in fields.items()},
        "headers": own,
        "headerKinds": {name: kind(value) for name, value in own.items()},
        "priority": request.delivery_info.get("priority"),
        "redelivered": request.delivery_info.get("redelivered"),
        "at": time.time(),
    }
    with open(os.environ["INTEROP_LINES"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False, default=repr) + "\n")


@app.task(bind=True, name="interop.record")
def record(self, *args, **kwargs):
    write_down(self.request, args, kwargs)


@app.task(bind=True, name="interop.again")
def again(self, countdown):
    """Fails at first, and is written down the second time."""
    if self.request.retries == 0:
        raise self.retry(countdown=countdown)
    write_down(self.request, [countdown], {})


@app.task(bind=True, name="interop.retry", max_retries=3)
def retry(self, queue, countdown):
    """Fails, and has its next attempt sent to another queue."""
    raise self.retry(countdown=countdown, queue=queue, exc=ValueError("not here"))
