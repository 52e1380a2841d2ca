#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""snapshot.py STATE QEMU-ARGS...: boot until dom0 says "ready", write the machine's state to STATE."""
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

BOOT_SECONDS = 120


class Monitor:
    """The few QMP commands that a snapshot takes."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(path)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:  # events may come in between
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                sys.exit("snapshot.py: %s: %s" % (name, answer["error"]))


def wait_ready(machine):
    begin = time.time()
    for line in machine.stdout:
        sys.stdout.write(line.decode("latin1"))
        if line.startswith(b"[lab") and b"] ready" in line:
            return
        if time.time() - begin > BOOT_SECONDS:
            break
    sys.exit("snapshot.py: dom0 was never ready")


def save(monitor, state):
    # not stopped before: a machine saved while stopped stays stopped when it is resumed
    monitor.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
    monitor.command("migrate", uri="exec:cat >'%s.new'" % state)
    while True:
        status = monitor.command("query-migrate").get("status")
        if status == "completed":
            return
        if status == "failed":
            sys.exit("snapshot.py: writing the state failed")
        time.sleep(0.05)


def main(state, args):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "qmp")
        machine = subprocess.Popen(args + ["-qmp", "unix:%s,server=on,wait=off" % path],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            wait_ready(machine)
            time.sleep(0.3)
            monitor = Monitor(path)
            save(monitor, state)
            monitor.command("quit")
            machine.wait(20)
            os.rename(state + ".new", state)
        finally:
            if machine.poll() is None:
                machine.kill()


main(sys.argv[1], sys.argv[2:])
