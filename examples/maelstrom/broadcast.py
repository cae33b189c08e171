#!/usr/bin/env python3
"""Registers that every node has a copy of: it answers from its own, and tells the others. Wrong.

A read at another node may be older than a write that was answered before, and of two writes at two
nodes each node may see another one last.
"""

from maelstrom import Node, Registers

node = Node()
registers = Registers()


def ask(request):
    body = request["body"]
    answer = registers.answer(body)
    if answer["type"] in ("write_ok", "cas_ok"):
        for other in node.others():
            value = registers.values[body["key"]]
            node.send(other, {"type": "copy", "key": body["key"], "value": value})
    node.reply(request, answer)


def copy(message):
    registers.values[message["body"]["key"]] = message["body"]["value"]


for kind in ("read", "write", "cas"):
    node.on(kind, ask)
node.on("copy", copy)
node.run()
