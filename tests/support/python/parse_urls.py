"""Says what kombu makes of connection strings: reads a JSON list of them, writes a list of results.

Connects to nobody. A URL that kombu rejects is null.
"""

import json
import sys

from kombu import Connection


def parsed(url):
    try:
        connection = Connection(url)
        info = connection.info()
        return {
            "host": info["hostname"],
            "port": info["port"] or 5672,
            "vhost": connection.virtual_host or "/",
            "user": connection.userid or "guest",
            "password": connection.password or "guest",
        }
    except Exception:  # noqa: BLE001 - whatever it is, kombu does not take it
        return None


json.dump([parsed(url) for url in json.load(sys.stdin)], sys.stdout)
