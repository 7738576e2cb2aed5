"""Stands in for the process that makes plans, and does what the name of the source says."""

import pickle
import sys
import time
from dataclasses import replace

from engine.core.review import Conclusion
from engine.core.whatif import Stored
from engine.review.confinement import MEMORY, confine
from engine.review.task import Answer, Task

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
    case "dies" | "dawdles" | "recalls" as does:
        answer = Answer("d", Conclusion.SUCCESS, does, "", "", "s", asks={}, replays=["w"])
        sys.stdout.buffer.write(answer.encode() + b"\n")
        sys.stdout.buffer.flush()
        stored: Stored = pickle.load(sys.stdin.buffer)
        if does == "dawdles":
            time.sleep(3600)
        if does == "dies":
            raise SystemExit("nothing of it can be played")
        told = replace(answer, title=",".join(stored.left), replays=[])
        sys.stdout.buffer.write(told.encode() + b"\n")
    case "writes":
        with open("/tmp/too-large", "wb") as file:
            file.write(b"x" * (8 << 20))
