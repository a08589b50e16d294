"""A PLC made of pymodbus that writes down every value it serves.

    plc.py PORT POINTS.json SERVED.jsonl

PORT is a TCP port, `rtu:` and one where RTU frames are spoken, or a serial port's file.

POINTS is a list of points as the tests configure them in the collector. At each read the
next step begins: every point in reach of the read gets a new value, its registers are set
with Python's own `struct`, and one line of SERVED says what the collector must make of it:

    {"t": ms, "step": n, "unit": 1, "values": [["key", "f:3ff0000000000000"], ...]}

A value is `f:` and the bits of a double, `u:` or `i:` and an integer, `b:` and 0 or 1, or
`x:` and the reason why there is none. The line is written before the answer is sent.
Addresses that no point has answer exception 2. A PLC that is started again goes on with the
steps that SERVED ends with.
"""

import asyncio
import json
import math
import os
import struct
import sys
import time

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

TABLES = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
FORMATS = {
    "u16": "H", "i16": "h", "u32": "I", "i32": "i",
    "u64": "Q", "i64": "q", "f32": "f", "f64": "d",
}
WIDTHS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "u64": 4, "i64": 4, "f64": 4}
# Every so often a float is none.
NOT_A_NUMBER_EVERY = 17


def width(point):
    return WIDTHS.get(point["type"], 1)


def raw_value(point, step):
    """What the point holds at a step."""
    kind, wave, salt = point["type"], point["wave"], point["salt"]
    if wave == "count":
        return step
    if wave == "drift":
        return 20_000 + int(time.time() * 1000) % 1000
    if isinstance(wave, int):
        # A saw tooth over seconds: rises from 0 to the period, falls back at once.
        return int(time.time() * 1000) % wave
    if kind == "bool":
        return ((step * 2654435761 + salt) >> 7) & 1
    mixed = (step * 0x9E3779B97F4A7C15 + salt * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    if kind in ("f32", "f64"):
        if (step + salt) % NOT_A_NUMBER_EVERY == 0:
            return (math.nan, math.inf, -math.inf)[step % 3]
        number = (mixed >> 20) / 1e9 - 5e3
        return struct.unpack(">f", struct.pack(">f", number))[0] if kind == "f32" else number
    bits = 16 * width(point)
    number = mixed >> (64 - bits)
    return number - 2 ** (bits - 1) if kind.startswith("i") else number


def words(point, raw):
    """The registers of a value, in the point's order."""
    if point["type"] == "bool":
        return [(0xFFFF & ~(1 << point["bit"])) | (raw << point["bit"])]
    data = struct.pack(">" + FORMATS[point["type"]], raw)
    found = list(struct.unpack(f">{len(data) // 2}H", data))
    order = point["order"]
    if order in ("CDAB", "GHEFCDAB", "DCBA", "HGFEDCBA"):
        found.reverse()
    if order in ("BA", "BADC", "BADCFEHG", "DCBA", "HGFEDCBA"):
        found = [(word >> 8) | (word & 0xFF) << 8 for word in found]
    return found


def told(point, raw):
    """What the collector must make of it."""
    kind, linear, limits = point["type"], point["linear"], point["range"]
    if kind == "bool":
        return f"b:{raw}"
    number = raw
    if linear:
        number = float(raw) * linear[0] + linear[1]
    if isinstance(number, float) and not math.isfinite(number):
        return "x:not_a_number"
    if limits and not limits[0] <= number <= limits[1]:
        return "x:out_of_range"
    if isinstance(number, float):
        return "f:" + struct.pack(">d", number).hex()
    return ("i:" if kind.startswith("i") else "u:") + str(number)


class Unit:
    """One unit's points and registers."""

    def __init__(self, number, points, served, step):
        self.number = number
        self.served = served
        self.step = step
        self.points = {table: [] for table in TABLES.values()}
        for point in points:
            self.points[point["table"]].append(point)

    def device(self):
        tables = ("coil", "discrete", "holding", "input")
        blocks = tuple(self.block(table) for table in tables)
        return SimDevice(self.number, blocks, use_bit_addressing=True, action=self.read)

    def block(self, table):
        points = self.points[table]
        if table in ("coil", "discrete"):
            highest = max((point["address"] for point in points), default=0)
            return [SimData(0, count=highest // 16 * 16 + 16, values=False, datatype=DataType.BITS)]
        taken = set()
        for point in points:
            taken.update(range(point["address"], point["address"] + width(point)))
        taken = sorted(taken) or [0]
        return [SimData(at, values=0, datatype=DataType.REGISTERS) for at in taken]

    async def read(self, function, start, address, count, registers, values):
        if values is not None:
            raise RuntimeError("a collector wrote to a PLC")
        table = TABLES[function]
        is_bits = table in ("coil", "discrete")
        # For bits pymodbus counts the registers that hold them.
        end = (address // 16 + count) * 16 if is_bits else address + count
        self.step += 1
        told_values = []
        for point in self.points[table]:
            at = point["address"]
            if at < address or at + width(point) > end:
                continue
            raw = raw_value(point, self.step)
            told_values.append([point["key"], told(point, raw)])
            if is_bits:
                place, mask = at // 16 - start, 1 << (at % 16)
                registers[place] = registers[place] & ~mask | (mask if raw else 0)
            else:
                registers[at - start : at - start + width(point)] = words(point, raw)
        line = {
            "t": int(time.time() * 1000), "step": self.step, "unit": self.number,
            "values": told_values,
        }
        self.served.write(json.dumps(line, separators=(",", ":")) + "\n")
        self.served.flush()


def last_steps(path):
    """The last step of each unit.

    A line that a kill cut off is removed: it is written before its answer, so nobody has
    seen its values, and what is written next begins a line of its own.
    """
    steps = {}
    if os.path.exists(path):
        with open(path, "r+b") as file:
            text = file.read()
            whole = text[: text.rfind(b"\n") + 1]
            file.truncate(len(whole))
        for line in whole.splitlines():
            served = json.loads(line)
            steps[served["unit"]] = served["step"]
    return steps


def server(port, devices):
    if port.startswith("/"):
        return ModbusSerialServer(devices, port=port, baudrate=115200)
    framer = FramerType.RTU if port.startswith("rtu:") else FramerType.SOCKET
    address = ("127.0.0.1", int(port.removeprefix("rtu:")))
    return ModbusTcpServer(devices, framer=framer, address=address)


async def main():
    port, points_path, served_path = sys.argv[1], sys.argv[2], sys.argv[3]
    with open(points_path, encoding="utf-8") as file:
        points = json.load(file)
    steps = last_steps(served_path)
    with open(served_path, "a", encoding="utf-8") as served:
        units = sorted({point["unit"] for point in points})
        devices = [
            Unit(unit, [p for p in points if p["unit"] == unit], served, steps.get(unit, 0)).device()
            for unit in units
        ]
        await server(port, devices).serve_forever()


asyncio.run(main())
