"""Stands in for the process that makes plans, and does what the name of the source says."""

import pickle
import sys
import time

from engine.review.confinement import MEMORY, confine
from engine.review.task import Task

confine()
task: Task = pickle.load(sys.stdin.buffer)
match task.place.source:
    case "sleeps":
        time.sleep(3600)
    case "eats":
        kept = [bytearray(MEMORY)]
    case "floods":
        for _ in range(200):
            sys.stdout.buffer.write(b"x" * (1 << 20))
    case "babbles":
        sys.stdout.buffer.write(b'{"digest": 7}')
    case "fails":
        raise SystemExit("`@ann` <b>")
    case "writes":
        with open("/tmp/too-large", "wb") as file:
            file.write(b"x" * (8 << 20))
