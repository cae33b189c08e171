#!/usr/bin/env python3
"""Registers that a service keeps; every node passes on what it is asked.

With `lin-kv`, the default, that is right. With `seq-kv`, as in `proxy.py seq-kv`, it is wrong:
that service lets a reader be behind.
"""

import sys

from maelstrom import Node

node = Node()
service = sys.argv[1] if len(sys.argv) > 1 else "lin-kv"
waiting = {}


def ask(request):
    body = {part: value for part, value in request["body"].items() if part != "msg_id"}
    waiting[node.send(service, body)] = request


def answered(message):
    request = waiting.pop(message["body"].pop("in_reply_to"), None)
    if request:
        node.reply(request, message["body"])


for kind in ("read", "write", "cas"):
    node.on(kind, ask)
for kind in ("read_ok", "write_ok", "cas_ok", "error"):
    node.on(kind, answered)
node.run()
