#!/usr/bin/env python3
"""A small replicated key-value server over HTTP, in the standard library only.

The node that --leader names decides everything; the others pass on what they are asked. What the
leader has answered is in its file, so that it survives being killed. There is no election: while
the leader is away, nothing is answered. That is linearizable, if not very available.

With --stale the other nodes keep a copy, which the leader sends them afterwards, and answer reads
from it. That looks fast and right, and is wrong.

    GET    /kv/KEY       200 {"value": V}, or 404
    PUT    /kv/KEY       {"value": V}: 200
    POST   /kv/KEY       {"old": O, "new": N}: 200, 409 {"actual": A}, or 404; O null creates
    DELETE /kv/KEY       200, or 404
    GET    /status       200 {"role": "leader"} or {"role": "follower"}

A follower that reaches nobody answers 503: certainly not done. One that got no answer from the
leader answers 504: nobody knows.
"""

import argparse
import http.client
import json
import os
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 0.8  # Seconds that a follower waits for the leader.
LAG = 0.03  # Seconds after which the leader tells of a change, with --stale.


class Store:
    """A map, every change of which is in a file before anybody hears of it."""

    def __init__(self, folder):
        self.lock = threading.Lock()
        self.values = {}
        path = os.path.join(folder, "log")
        if os.path.exists(path):
            self.replay(path)
        self.file = open(path, "ab", buffering=0)

    def replay(self, path):
        with open(path, "rb") as file:
            whole = file.read()
        complete = whole[: whole.rfind(b"\n") + 1]
        for line in complete.splitlines():
            key, value = json.loads(line)
            self.apply(key, value)
        # What was torn by a kill was never answered.
        os.truncate(path, len(complete))

    def apply(self, key, value):
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    def save(self, key, value):
        self.file.write(json.dumps([key, value]).encode() + b"\n")
        self.apply(key, value)

    def perform(self, method, key, body):
        """Answers a request: a status and a body."""
        with self.lock:
            actual = self.values.get(key)
            if method == "GET":
                return (404, {}) if actual is None else (200, {"value": actual})
            if method == "PUT":
                self.save(key, body["value"])
                return 200, {}
            if method == "DELETE" and actual is not None:
                self.save(key, None)
                return 200, {}
            if method == "POST" and actual == body["old"]:
                self.save(key, body["new"])
                return 200, {}
            return (404, {}) if actual is None else (409, {"actual": actual})


class Copies:
    """With --stale: tells the followers what has changed, afterwards, in order."""

    def __init__(self, peers):
        self.queues = []
        for address in peers.values():
            waiting = queue.Queue()
            self.queues.append(waiting)
            threading.Thread(target=self.send, args=(address, waiting), daemon=True).start()

    def tell(self, key, value):
        for waiting in self.queues:
            waiting.put((time.monotonic() + LAG, key, value))

    def send(self, address, waiting):
        while True:
            due, key, value = waiting.get()
            time.sleep(max(0, due - time.monotonic()))
            body = json.dumps({"value": value})
            while ask(address, "PUT", "/copy/" + key, body)[0] != 200:
                pass


def ask(address, method, path, body):
    """One request to another node: a status and a body. 503 if it was certainly not received."""
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    try:
        connection.connect()
    except OSError:
        return 503, b"{}"
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 504, b"{}"
    finally:
        connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def serve(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        node = self.server.node
        if self.path == "/status":
            return self.answer(200, json.dumps({"role": node.role}).encode())
        _, kind, key = self.path.split("/", 2)
        if kind == "copy":
            node.copy(key, json.loads(body)["value"])
            return self.answer(200, b"{}")
        return self.answer(*node.answer(self.command, self.path, key, body))

    do_GET = do_PUT = do_POST = do_DELETE = serve

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_):
        pass  # A client that has given up is no news.


class Node:
    def __init__(self, options):
        self.peers = dict(peer.split("=") for peer in options.peers.split(",") if peer)
        self.role = "leader" if options.node == options.leader else "follower"
        self.leader = self.peers.get(options.leader)
        self.stale = options.stale
        self.store = Store(options.data)
        self.copies = Copies(self.peers) if self.stale and self.role == "leader" else None

    def answer(self, method, path, key, body):
        if self.role == "leader":
            status, answer = self.store.perform(method, key, json.loads(body or b"{}"))
            if self.copies and status == 200 and method != "GET":
                self.copies.tell(key, self.store.values.get(key))
            return status, json.dumps(answer).encode()
        if self.stale and method == "GET":
            status, answer = self.store.perform(method, key, None)
            return status, json.dumps(answer).encode()
        return ask(self.leader, method, path, body)

    def copy(self, key, value):
        with self.store.lock:
            self.store.save(key, value)

    def listen(self, address):
        host, port = address.rsplit(":", 1)
        server = Server((host, int(port)), Handler)
        server.node = self
        return server


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--node", required=True)
    parser.add_argument("--leader", default="n1")
    parser.add_argument("--clients", required=True, help="where to hear clients, as IP:PORT")
    parser.add_argument("--listen", required=True, help="where to hear other nodes, as IP:PORT")
    parser.add_argument("--peers", default="", help="NAME=IP:PORT,...")
    parser.add_argument("--data", required=True)
    parser.add_argument("--stale", action="store_true")
    options = parser.parse_args()
    node = Node(options)
    peers = node.listen(options.listen)
    threading.Thread(target=peers.serve_forever, daemon=True).start()
    node.listen(options.clients).serve_forever()


if __name__ == "__main__":
    main()
