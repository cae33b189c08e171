"""As much of Maelstrom's protocol as the nodes beside this file need, in the standard library only.

A message is one line of JSON with `src`, `dest` and `body`; it comes on the standard input and goes
on the standard output. Everything else, such as what is printed for people, belongs on the standard
error.
"""

import json
import sys
import threading

TEMPORARILY_UNAVAILABLE = 11
NO_SUCH_KEY = 20
PRECONDITION_FAILED = 22


class Node:
    """A node that handles each message by the handler of its type."""

    def __init__(self):
        self.id = None
        self.everyone = []
        self.handlers = {}
        self.lock = threading.Lock()
        self.messages = 0

    def on(self, kind, handler):
        self.handlers[kind] = handler

    def send(self, dest, body):
        """Sends a message, and says its number."""
        with self.lock:
            self.messages += 1
            body = dict(body, msg_id=self.messages)
            print(json.dumps({"src": self.id, "dest": dest, "body": body}), flush=True)
            return self.messages

    def reply(self, request, body):
        self.send(request["src"], dict(body, in_reply_to=request["body"]["msg_id"]))

    def error(self, request, code, text):
        self.reply(request, {"type": "error", "code": code, "text": text})

    def others(self):
        return [node for node in self.everyone if node != self.id]

    def run(self):
        for line in sys.stdin:
            message = json.loads(line)
            body = message["body"]
            if body["type"] == "init":
                self.id, self.everyone = body["node_id"], body["node_ids"]
                self.reply(message, {"type": "init_ok"})
                print("I am", self.id, file=sys.stderr)
            else:
                self.handlers[body["type"]](message)


class Registers:
    """Registers by their key: what `lin-kv` asks for."""

    def __init__(self):
        self.values = {}

    def answer(self, body):
        """The body of the reply to a request."""
        key, actual = body["key"], self.values.get(body["key"])
        if body["type"] == "write":
            self.values[key] = body["value"]
            return {"type": "write_ok"}
        if actual is None:
            return {"type": "error", "code": NO_SUCH_KEY, "text": "there is no such key"}
        if body["type"] == "read":
            return {"type": "read_ok", "value": actual}
        if actual != body["from"]:
            text = "it is %s" % actual
            return {"type": "error", "code": PRECONDITION_FAILED, "text": text}
        self.values[key] = body["to"]
        return {"type": "cas_ok"}
