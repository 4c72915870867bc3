"""Says what kombu makes of connection strings: reads a JSON list of them, writes a list of results.

Connects to nobody. A URL that kombu rejects is null.
"""

import json
import sys

from kombu import Connection


def parsed(url):
    try:
        connection = Connection(url)
        # What the transport fills in before it connects.
        defaults = connection.transport.default_connection_params

        def value(name):
            return getattr(connection, name) or defaults[name]

        return {
            "hostname": value("hostname"),
            "port": value("port"),
            "vhost": value("virtual_host"),
            "username": value("userid"),
            "password": value("password"),
        }
    except Exception:  # noqa: BLE001 - whatever it is, kombu does not take it
        return None


json.dump([parsed(url) for url in json.load(sys.stdin)], sys.stdout)
