"""The process that step processes are born in. Run as a program; standard library alone.

A worker has threads and an event loop: to fork it is neither safe nor quick. So it starts this
small program once, without threads, and hands it four descriptors for each step over a socket.
For each the nursery forks a *monitor*, which forks and executes the step's program and stays its
guard: as a child subreaper (prctl(2)) it inherits every grandchild that is orphaned, by setsid
too, so that nothing a step started can outlive it.

Nobody has to ask for the end. The worker's death closes its sockets, and the nursery's death is
signalled by PR_SET_PDEATHSIG; a monitor that sees either kills its step and goes.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import NoReturn, TypedDict

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_USUAL = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGPIPE,
    signal.SIGTERM,
    signal.SIGCHLD,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
    signal.SIGXFSZ,
)
_TURN = 0.025
_LONGEST_BLINDNESS = 0.25
_MOST_KILLS = 200
_LIMITS = {
    "cpu_seconds": resource.RLIMIT_CPU,
    "memory": resource.RLIMIT_DATA,
    "file_size": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
}


class Order(TypedDict):
    """What a worker asks for. `limits` has the names of `_LIMITS`, `processes`, `user_tasks`.

    `gains` lets the program gain privileges, by a set-user-id program for instance.
    """

    argv: list[str]
    env: dict[str, str]
    cwd: str
    limits: dict[str, int]
    grace: float
    gains: bool


def main(control: socket.socket) -> None:
    """Fork a monitor for every four descriptors that arrive, until the worker is gone."""
    worker = os.getppid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    os.umask(0o077)
    monitors: set[int] = set()
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    while os.getppid() == worker:
        if waiting.poll(250 if monitors else 2000):
            data, received, _, _ = socket.recv_fds(control, 1, 4)
            if not data:
                return
            monitors |= _fork_monitor(control, received)
        _reap_monitors(monitors)


def _fork_monitor(control: socket.socket, received: list[int]) -> set[int]:
    """Return the new monitor's id, or nothing where the machine has no room for it."""
    try:
        pid = os.fork()
    except OSError as error:
        with socket.socket(fileno=received.pop(0)) as status, contextlib.suppress(OSError):
            _tell(status, {"errno": error.errno})
        pid = -1
    if pid == 0:
        control.close()
        _monitor(received)
    for descriptor in received:
        os.close(descriptor)
    return {pid} - {-1}


def _reap_monitors(monitors: set[int]) -> None:
    """Forget monitors that have ended, and kill what one of them left behind when it was killed."""
    with contextlib.suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) != 0:
            monitors.discard(pid)
    for pid in _children(os.getpid()):
        if pid not in monitors:
            _kill(pid, signal.SIGKILL)


def _monitor(received: list[int]) -> NoReturn:
    """Run one step's program to its end. Never returns: this is a process of its own."""
    nursery = os.getppid()
    status = socket.socket(fileno=received[0])
    try:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        wakeup = _wake_on_signals()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == nursery:
            _tell(status, _guard(status, wakeup, received[1:]))
    except (OSError, ValueError, MemoryError) as error:
        _kill_all()
        with contextlib.suppress(OSError):
            _tell(status, {"lost": type(error).__name__})
    finally:
        os._exit(0)


def _guard(status: socket.socket, wakeup: int, standard: list[int]) -> dict[str, object]:
    """Start the program, watch over it, and return how it ended, with nothing of it left."""
    order = _read_order(status)
    if order is None:
        return {"lost": "no order"}
    try:
        child, fault = _start(order, standard)
    except OSError as error:
        return {"errno": error.errno}
    _go_before_others()
    for descriptor in standard:
        os.close(descriptor)
    if fault:
        os.waitpid(child, 0)
        return {"errno": fault}
    code, reason = _watch(status, wakeup, child, order)
    return {"code": code, "reason": reason}


def _watch(status: socket.socket, wakeup: int, child: int, order: Order) -> tuple[int, str]:
    """Return the exit code (minus the signal if one ended it) and why it was ended, if it was."""
    reason, deadline = "", float("inf")
    count = _Count(order["limits"]["processes"])
    waiting = select.poll()
    waiting.register(status, select.POLLIN)
    waiting.register(wakeup, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in waiting.poll(_TURN * 1000)}
        if wakeup in ready and signal.SIGTERM in os.read(wakeup, 4096):
            reason, deadline = "orphaned", 0.0
        if status.fileno() in ready:
            if status.recv(1) != b"T":
                reason, deadline = "abandoned", 0.0
            elif not reason:
                reason, deadline = "ended", time.monotonic() + order["grace"]
                _signal_all(child, signal.SIGTERM)
        if (code := _reap(child)) is not None:
            _kill_all(child)
            return code, reason
        if not reason and count.is_over():
            reason, deadline = "processes", 0.0
        if time.monotonic() >= deadline:
            return _kill_all(child), reason


class _Count:
    """Counts the processes below this one, as often as a fork bomb needs and no more.

    /proc/loadavg tells the id that was given last on the whole machine: as long as that has
    hardly moved nothing can have multiplied, and the tree need not be walked.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._last = -1
        self._walked = 0.0

    def is_over(self) -> bool:
        """True if there are more processes than allowed."""
        now, last = time.monotonic(), _last_id()
        quiet = 0 <= last - self._last <= self._limit // 8
        if quiet and now - self._walked < _LONGEST_BLINDNESS:
            return False
        self._last, self._walked = last, now
        return len(_descendants(self._limit)) > self._limit


def _last_id() -> int:
    try:
        return int(Path("/proc/loadavg").read_text().split()[4])
    except (OSError, ValueError, IndexError):
        return -1


def _go_before_others() -> None:
    """Have the guard run when it must, however many processes want the processor.

    Only root may ask for that; for others the limit on their tasks holds, which root has not.
    The program itself goes back to the usual ways (SCHED_RESET_ON_FORK).
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            policy = os.SCHED_RR | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, policy, os.sched_param(1))


def _read_order(status: socket.socket) -> Order | None:
    """Return the order: four bytes of length, then JSON. None if the worker is gone."""
    head = _receive(status, 4)
    body = _receive(status, struct.unpack("!I", head)[0]) if len(head) == 4 else b""
    if not body:
        return None
    order: Order = json.loads(body)
    return order


def _receive(status: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = status.recv(size - len(data))
        if not chunk:
            return b""
        data += chunk
    return bytes(data)


def _tell(status: socket.socket, message: dict[str, object]) -> None:
    status.sendall(json.dumps(message).encode() + b"\n")


def _start(order: Order, standard: list[int]) -> tuple[int, int]:
    """Return the child's id, and the error number if its program could not be executed."""
    report, told = os.pipe()
    monitor = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            _become(order, standard, told, monitor)
        except OSError as error:
            os.write(told, struct.pack("!I", error.errno or 5))
        finally:
            os._exit(127)
    os.close(told)
    fault = os.read(report, 4)
    os.close(report)
    return child, struct.unpack("!I", fault)[0] if len(fault) == 4 else 0


def _become(order: Order, standard: list[int], told: int, monitor: int) -> None:
    """Turn this process into the program. Returns never; raises OSError if that cannot be."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in _USUAL:
        signal.signal(number, signal.SIG_DFL)
    # Out of the way first: one of them could be 0, 1 or 2 itself.
    high = [os.dup(descriptor) for descriptor in [*standard, told]]
    for target, source in enumerate(high[:3]):
        os.dup2(source, target, inheritable=True)
    os.dup2(high[3], 3, inheritable=False)
    os.closerange(4, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    os.chdir(order["cwd"])
    try:
        _limit(order["limits"])
        if not order["gains"]:
            _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == monitor:
            os.execvpe(order["argv"][0], order["argv"], order["env"])  # nosec B606: no shell
    except OSError as error:
        os.write(3, struct.pack("!I", error.errno or 5))
    finally:
        os._exit(127)


def _limit(limits: dict[str, int]) -> None:
    """Set every limit, never above what this process may have itself; no core files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, which in _LIMITS.items():
        most = resource.getrlimit(which)[1]
        value = limits[name] if most == resource.RLIM_INFINITY else min(limits[name], most)
        # A second of processor time lies between the signal that can be told and the kill.
        hard = value + 1 if name == "cpu_seconds" and value != most else value
        resource.setrlimit(which, (value, hard))
    if os.getuid() != 0:
        # It counts all tasks of the user, so it is a backstop; the monitor counts the step's own.
        most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        value = limits["user_tasks"]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(resource.RLIMIT_NPROC, (value, value))


def _reap(child: int) -> int | None:
    """Collect every child that has ended; return the code of the one that counts."""
    code = None
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
    return code


def _kill_all(child: int = 0) -> int:
    """Kill everything below this process and wait for it; return the code of `child`.

    The group first, in one system call, so that a fork bomb cannot race it; then whoever left
    the group, stopped before killed, again and again until nobody is there.
    """
    code = -int(signal.SIGKILL)
    for _ in range(_MOST_KILLS):
        if child:
            with contextlib.suppress(OSError):
                os.killpg(child, signal.SIGKILL)
        found = _descendants()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                _kill(pid, number)
        try:
            while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
                if ended[0] == child:
                    code, child = os.waitstatus_to_exitcode(ended[1]), 0
        except ChildProcessError:
            break
        time.sleep(0.002)
    return code


def _signal_all(child: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(child, number)
    for pid in _descendants():
        with contextlib.suppress(OSError):
            if os.getpgid(pid) != child:
                os.kill(pid, number)


def _descendants(enough: int = sys.maxsize) -> list[int]:
    """Return every process below this one, parents first; stop once there are `enough`."""
    found: list[int] = []
    queue = [os.getpid()]
    while queue and len(found) <= enough:
        fresh = _children(queue.pop())
        found += fresh
        queue += fresh
    return found


def _children(pid: int) -> list[int]:
    """Return the children of a process; none where the system does not tell (proc(5))."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/task/{task}/children").read_text()
                found += [int(each) for each in text.split()]
    return found


def _kill(pid: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def _wake_on_signals() -> int:
    """Return a descriptor that holds the number of each SIGCHLD and SIGTERM that came."""
    ready, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return ready


def _prctl(option: int, value: int) -> None:
    """Set an attribute of this process, where the system is Linux; elsewhere groups must do."""
    if _LIBC is not None:
        _LIBC.prctl(option, int(value), 0, 0, 0)


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
