"""The Celery application of chaos runs: the task of the load, acknowledged late, which writes into the run's ledger.

Never decides whether what happens is right: the run does.
"""

import os
import time

from celery import Celery

app = Celery("chaos", broker=os.environ["INTEROP_BROKER"])
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    worker_prefetch_multiplier=4,
    worker_concurrency=1,
    broker_connection_retry_on_startup=True,
)
ledger = os.open(os.environ["CHAOS_LEDGER"], os.O_WRONLY | os.O_APPEND)


def note(what, request):
    """A line is one write: it is there whole or not at all, also when the process is killed."""
    line = f"{time.time_ns() // 1_000_000}\t{os.environ['CHAOS_NAME']}\t{what}\t{request.id}\t{request.retries + 1}\n"
    os.write(ledger, line.encode())


@app.task(bind=True, name="chaos.work")
def work(self, milliseconds):
    note("begin", self.request)
    time.sleep(milliseconds / 1000)
    note("end", self.request)
