"""An edge node that speaks Sparkplug B as an independent library encodes it.

Told what to do line by line on standard input; births are given when told and when asked.
    birth | data LEVEL COUNT | named LEVEL | gap LEVEL | history LEVEL SECONDS
    null | death-device | die | quit
Says `asked` on standard output for each request for a birth, and `ready` when connected.
"""

import sys
import time

import paho.mqtt.client as mqtt
import pysparkplug as spb

PORT = int(sys.argv[1])
GROUP, EDGE, DEVICE = "kaijiang", "gw7", "tank1"
TYPE = spb.DataType


def topic(kind, device=""):
    tail = f"/{device}" if device else ""
    return f"spBv1.0/{GROUP}/{kind}/{EDGE}{tail}"


def metric(name, datatype, value, alias, at=None, **more):
    return spb.Metric(
        timestamp=at or spb.get_current_timestamp(),
        name=name,
        datatype=datatype,
        value=value,
        alias=alias,
        **more,
    )


def level(value, alias=11, name=None, **more):
    return metric(name, TYPE.FLOAT, value, alias, **more)


def count(value, name=None):
    return metric(name, TYPE.INT16, value, 12)


class Node:
    def __init__(self):
        self.seq = 0
        self.bd_seq = 5
        self.client = mqtt.Client(client_id="edge")
        self.client.will_set(topic("NDEATH"), self.death(), 1)
        self.client.on_connect = self.connected
        self.client.on_message = self.asked
        self.client.connect("127.0.0.1", PORT)
        self.client.loop_start()

    def bd(self):
        return metric("bdSeq", TYPE.INT64, self.bd_seq, None)

    def death(self):
        return spb.NDeath(
            timestamp=spb.get_current_timestamp(), bd_seq_metric=self.bd()
        ).encode()

    def connected(self, client, *_):
        client.subscribe(topic("NCMD"), 1)
        print("ready", flush=True)

    def asked(self, _client, _userdata, message):
        command = spb.NCmd.decode(message.payload)
        for it in command.metrics:
            if it.name == "Node Control/Rebirth" and it.value is True:
                print("asked", flush=True)
                self.birth()

    def say(self, kind, payload, device=""):
        self.client.publish(topic(kind, device), payload.encode(), 0)
        self.seq = (self.seq + 1) % 256

    def now(self):
        return spb.get_current_timestamp()

    def birth(self):
        self.seq = 0
        own = (self.bd(), metric("Load", TYPE.DOUBLE, 0.5, 1))
        self.say("NBIRTH", spb.NBirth(timestamp=self.now(), seq=0, metrics=own))
        metrics = (level(3.5, name="Level"), count(-7, name="Count"))
        self.say(
            "DBIRTH",
            spb.DBirth(timestamp=self.now(), seq=self.seq, metrics=metrics),
            DEVICE,
        )

    def data(self, *metrics):
        data = spb.DData(timestamp=self.now(), seq=self.seq, metrics=metrics)
        self.say("DDATA", data, DEVICE)

    def obey(self, words):
        what, rest = words[0], [float(word) for word in words[1:]]
        if what == "birth":
            self.birth()
        elif what == "data":
            self.data(level(rest[0]), count(int(rest[1])))
        elif what == "named":
            self.data(level(rest[0], alias=None, name="Level"))
        elif what == "gap":
            self.seq = (self.seq + 1) % 256
            self.data(level(rest[0]))
        elif what == "history":
            at = self.now() - int(rest[1] * 1000)
            self.data(level(rest[0], at=at, is_historical=True))
        elif what == "null":
            self.data(level(None, is_null=True))
        elif what == "death-device":
            death = spb.DDeath(timestamp=self.now(), seq=self.seq)
            self.say("DDEATH", death, DEVICE)
        elif what == "die":
            self.client.publish(topic("NDEATH"), self.death(), 1).wait_for_publish(5)


node = Node()
for line in sys.stdin:
    if line.strip() == "quit":
        break
    node.obey(line.split())
    time.sleep(0.02)
