"""Hears events as Flower does (Celery's own EventReceiver and State), and prints what it makes of them, a JSON line each.

Never decides whether that was right: the tests do.
"""

import json
import os
import signal
import sys

from celery import Celery
from celery.events.state import State

app = Celery("monitor", broker=os.environ["INTEROP_BROKER"])
state = State()


def seen(event):
    state.event(event)
    print("EVENT " + json.dumps(event, default=repr), flush=True)
    workers = {name: worker.alive for name, worker in state.workers.items()}
    tasks = {uuid: [task.state, task.name] for uuid, task in state.tasks.items()}
    order = [uuid for uuid, _ in state.tasks_by_time(reverse=False)]
    print("STATE " + json.dumps({"workers": workers, "tasks": tasks, "order": order}), flush=True)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with app.connection() as connection:
    receiver = app.events.Receiver(connection, handlers={"*": seen})
    receiver.on_consume_ready = lambda *_, **__: print("READY", flush=True)
    receiver.capture(limit=None, timeout=None, wakeup=False)
