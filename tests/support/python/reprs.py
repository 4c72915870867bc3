"""Writes Python's repr of each value of a JSON list, as Celery makes argsrepr from it. Reads stdin, writes stdout."""

import json
import sys

from celery.utils.saferepr import saferepr

json.dump([saferepr(tuple(args), 1024) for args in json.load(sys.stdin)], sys.stdout)
