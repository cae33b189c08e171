#!/usr/bin/env python3
"""Three servers that run until this program is ended (Ctrl-C, or the end of its input).

A cluster to try `lab = "external"` on: `external.toml` beside this file says where it is. Each
server's process number is in `cluster/NODE.pid`, which the commands in that scenario use.
"""

import argparse
import os
import signal
import subprocess
import sys

NODES = ["n1", "n2", "n3"]


def start(number, ports, options):
    node = NODES[number]
    clients, peers = ports[: len(NODES)], ports[len(NODES) :]
    others = [
        "%s=127.0.0.1:%s" % (other, peers[place])
        for place, other in enumerate(NODES)
        if place != number
    ]
    data = os.path.join("cluster", node)
    os.makedirs(data, exist_ok=True)
    command = [
        sys.executable,
        os.path.join(os.path.dirname(os.path.abspath(__file__)), "server.py"),
        "--node=" + node,
        "--clients=127.0.0.1:%s" % clients[number],
        "--listen=127.0.0.1:%s" % peers[number],
        "--peers=" + ",".join(others),
        "--data=" + data,
    ]
    server = subprocess.Popen(command + options, stdin=subprocess.DEVNULL)
    with open(os.path.join("cluster", node + ".pid"), "w") as file:
        file.write(str(server.pid))
    print("%s answers clients at http://127.0.0.1:%s" % (node, clients[number]), flush=True)
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = "8001,8002,8003,9001,9002,9003"
    parser.add_argument("--ports", default=usual, help="for clients, then for the nodes")
    parser.add_argument("--stale", action="store_true")
    options = parser.parse_args()
    ports = options.ports.split(",")
    extra = ["--stale"] if options.stale else []
    servers = [start(number, ports, extra) for number in range(len(NODES))]
    try:
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
    for server in servers:
        server.send_signal(signal.SIGKILL)
        server.wait()


if __name__ == "__main__":
    main()
