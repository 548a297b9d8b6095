"""TCP connect-request-response: `serve PORT N` answers with N processes; `ask ADDRESS PORT N SECONDS` has N sessions, each
one transaction at a time, and prints how many were done. A session connects, sends 64 bytes, reads 64 bytes and the end.

Python and blocking sockets, because they cost less than the switches that are measured."""

import os
import signal
import socket
import sys
import time

MESSAGE = b"x" * 64


def serve(port: int, n_processes: int) -> None:
    listener = socket.create_server(("0.0.0.0", port), backlog=128)
    for _ in range(n_processes - 1):
        if os.fork() == 0:
            break
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            if connection.recv(64):
                connection.sendall(MESSAGE)


def ask(address: str, port: int, seconds: float) -> int:
    n_done = 0
    signal.alarm(int(seconds) + 10)  # rather than wait for a switch that forwards nothing
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as connection:
            connection.connect((address, port))
            connection.sendall(MESSAGE)
            while connection.recv(64):
                pass
        n_done += 1
    return n_done


def ask_all(address: str, port: int, n_sessions: int, seconds: float) -> int:
    read_end, write_end = os.pipe()
    for _ in range(n_sessions):
        if os.fork() == 0:
            os.write(write_end, b"%d\n" % ask(address, port, seconds))
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as counts:
        total = sum(int(line) for line in counts)
    for _ in range(n_sessions):
        os.wait()  # for their CPU time, which their parent is charged with
    return total


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]), int(sys.argv[3]))
    else:
        print(ask_all(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
