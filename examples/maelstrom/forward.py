#!/usr/bin/env python3
"""Registers that the first node keeps; the others pass on what they are asked. Right.

Messages between nodes come late, twice, in another order, or never. So the first node remembers
what it has answered: a request that comes a second time, perhaps after later ones, is answered
again and not carried out again. With --forgetful it does not, which is wrong.
"""

import sys

from maelstrom import Node, Registers

node = Node()
registers = Registers()
answered = {}  # What was replied, by who asked and the number of the request.
waiting = {}  # Requests of clients that were passed on, by the number they were passed on with.


def ask(request):
    first = node.everyone[0]
    if node.id == first:
        return node.reply(request, registers.answer(request["body"]))
    number = node.send(first, {"type": "forward", "request": request["body"]})
    waiting[number] = request


def forward(request):
    name = (request["src"], request["body"]["msg_id"])
    if name not in answered or "--forgetful" in sys.argv:
        answered[name] = registers.answer(request["body"]["request"])
    node.reply(request, {"type": "forwarded", "answer": answered[name]})


def forwarded(message):
    # The second copy of an answer finds nobody waiting.
    request = waiting.pop(message["body"]["in_reply_to"], None)
    if request:
        node.reply(request, message["body"]["answer"])


for kind in ("read", "write", "cas"):
    node.on(kind, ask)
node.on("forward", forward)
node.on("forwarded", forwarded)
node.run()
