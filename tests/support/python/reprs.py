"""Writes the repr of each list of a JSON list, as a tuple. Reads stdin, writes stdout."""

import json
import sys

json.dump([repr(tuple(args)) for args in json.load(sys.stdin)], sys.stdout)
