"""Devices that publish, and write down every value that they do.

    devices.py PORT SERVED.jsonl

Two on one MQTT connection: `fan`, whose readings are JSON with a time and QoS 1, and an edge node
that speaks Sparkplug B as an independent library encodes it. Each message has a number that no
other has, and one line of SERVED says what the collector must make of it, before it is sent:

    {"t": ms, "step": n, "values": [["fan.count", "u:17"]]}

Messages of the fan that the broker did not take wait and are sent later; for each that it took
there is a line `{"taken": n}`. The edge node says nothing while it is not connected. Devices that are started again go on with the numbers that
SERVED ends with.
"""

import json
import os
import sys
import threading
import time

import paho.mqtt.client as mqtt
import pysparkplug as spb

PORT, SERVED = int(sys.argv[1]), sys.argv[2]
EVERY_S = 0.2
KEEPALIVE_S = 5
FAN = "plant/fan"
GROUP, EDGE = "plant", "edge"
ALIAS = 7


def now():
    return int(time.time() * 1000)


def last_numbers():
    """The last number of each device; a line that a kill cut off is removed, and was not sent."""
    numbers = {"fan.count": 0, "edge.count": 0}
    if os.path.exists(SERVED):
        with open(SERVED, "r+b") as file:
            text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            file.truncate(len(whole))
        for line in whole.splitlines():
            line = json.loads(line)
            for key, _ in line.get("values", []):
                numbers[key] = line["step"]
    return numbers


class Devices:
    def __init__(self):
        self.numbers = last_numbers()
        self.served = open(SERVED, "a", encoding="utf-8")
        # Births are given by the client's thread.
        self.lock = threading.Lock()
        self.is_born = False
        # Numbers of the fan by the client's number for a message that is under way.
        self.under_way = {}
        self.seq, self.bd_seq = 0, now() % 256
        self.client = mqtt.Client(client_id="devices")
        self.client.max_queued_messages_set(0)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = self.connected
        self.client.on_disconnect = self.disconnected
        self.client.on_message = self.asked
        self.client.on_publish = self.taken
        self.set_will()
        self.client.connect_async("127.0.0.1", PORT, keepalive=KEEPALIVE_S)
        self.client.loop_start()

    def write(self, **line):
        self.served.write(json.dumps(line, separators=(",", ":")) + "\n")
        self.served.flush()

    def next(self, key, at):
        number = self.numbers[key] = self.numbers[key] + 1
        self.write(t=at, step=number, values=[[key, f"u:{number}"]])
        return number

    def topic(self, kind):
        return f"spBv1.0/{GROUP}/{kind}/{EDGE}"

    def bd(self):
        return spb.Metric(
            timestamp=now(), name="bdSeq", datatype=spb.DataType.INT64, value=self.bd_seq
        )

    def set_will(self):
        death = spb.NDeath(timestamp=now(), bd_seq_metric=self.bd())
        self.client.will_set(self.topic("NDEATH"), death.encode(), 1)

    def count(self, at, name=None):
        return spb.Metric(
            timestamp=at,
            name=name,
            datatype=spb.DataType.UINT64,
            value=self.next("edge.count", at),
            alias=ALIAS,
        )

    def birth(self):
        with self.lock:
            at = now()
            self.seq = 0
            metrics = (self.bd(), self.count(at, "Count"))
            payload = spb.NBirth(timestamp=at, seq=0, metrics=metrics)
            self.client.publish(self.topic("NBIRTH"), payload.encode(), 0)
            self.is_born = True

    def data(self):
        with self.lock:
            if not self.is_born:
                return
            at = now()
            self.seq = (self.seq + 1) % 256
            payload = spb.NData(timestamp=at, seq=self.seq, metrics=(self.count(at),))
            self.client.publish(self.topic("NDATA"), payload.encode(), 0)

    def connected(self, client, *_):
        client.subscribe(self.topic("NCMD"), 1)
        self.birth()

    def disconnected(self, *_):
        with self.lock:
            self.is_born = False
            # The will of the connection to come belongs to its birth.
            self.bd_seq = (self.bd_seq + 1) % 256
            self.set_will()

    def asked(self, _client, _userdata, message):
        command = spb.NCmd.decode(message.payload)
        if any(it.name == "Node Control/Rebirth" and it.value is True for it in command.metrics):
            self.birth()

    def fan(self):
        at = now()
        with self.lock:
            number = self.next("fan.count", at)
            sent = self.client.publish(FAN, json.dumps({"ts": at, "n": number}), 1)
            self.under_way[sent.mid] = number

    def taken(self, _client, _userdata, mid):
        # Not before `fan` has noted it. Only QoS 1 is noted, and numbers come again after 65,535.
        with self.lock:
            number = self.under_way.pop(mid, None)
            if number is not None:
                self.write(taken=number)


devices = Devices()
while True:
    devices.fan()
    devices.data()
    time.sleep(EVERY_S)
