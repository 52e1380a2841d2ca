#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk through the browser on a terminal of its own, and judge every byte that it sends there.

    screen_stream.py TERM COLUMNSxROWS FILE COMMAND…

FILE holds words: names of KEYS, or what is typed as it is. Exit 1 and a reason when the stream holds
anything but text and what curses itself sends, 2 when the browser did not come to its end.
"""
import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

KEYS = {"Enter": b"\r", "Esc": b"\x1b", "Tab": b"\t", "Space": b" ", "Backspace": b"\x7f",
        "Up": b"\x1bOA", "Down": b"\x1bOB", "Right": b"\x1bOC", "Left": b"\x1bOD",
        "Home": b"\x1bOH", "End": b"\x1bOF", "PageUp": b"\x1b[5~", "PageDown": b"\x1b[6~",
        "BackTab": b"\x1b[Z", "C-l": b"\x0c", "C-u": b"\x15"}
QUIET = 0.015  # seconds without output: the screen is drawn
LONGEST = 5.0  # seconds to wait for that

# What curses sends to the terminals that the tests use: places and erasing, lines and characters in
# and out, repeats, attributes, modes, character sets, its window's title put away and taken back.
# No questions, no strings, no bells.
CURSES = re.compile(
    rb"\x1b\[[0-9]{0,3}(;[0-9]{1,3})?[HABCDGIZdEFJKLMPX@STbr]"
    rb"|\x1b\[[0-9]{0,3}(;[0-9]{1,3}){0,9}m"
    rb"|\x1b\[\?(1|3|4|5|7|12|25|1000|1002|1006|1034|1049)(;(1000|1006|25|4|7))*[hl]"
    rb"|\x1b\[\?[0-9]c"             # the Linux console's cursor
    rb"|\x1b\[(4|20|34)[hl]"
    rb"|\x1b\[2[23];0;0t"
    rb"|\x1b[()][0B]|\x1b[=>78HMD]"
    rb"|\x1b\]52;c;[A-Za-z0-9+/]*=*\x07"
    rb"|[\x08\r\n\x0e\x0f]")
BIDI = {0x061c, 0x00ad, *range(0x200b, 0x2010), *range(0x2028, 0x202f), *range(0x2060, 0x2070), 0xfeff}


def judge(raw):
    text = re.sub(CURSES, b"", raw)
    try:
        text = text.decode("utf-8")
    except UnicodeDecodeError as e:
        return "invalid UTF-8: %r" % text[max(0, e.start - 60):e.end + 20]
    for i, c in enumerate(text):
        o = ord(c)
        if o < 0x20 or 0x7f <= o < 0xa0 or o in BIDI:
            return "U+%04X in %r" % (o, text[max(0, i - 60):i + 20])
    return None


def drain(fd, out):
    """Take what comes until nothing comes any more. False at the end."""
    end = time.monotonic() + LONGEST
    while time.monotonic() < end and select.select([fd], [], [], QUIET)[0]:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            return False
        if not piece:
            return False
        out.append(piece)
    return True


def record(term, size, keys, command):
    columns, rows = map(int, size.split("x"))
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM=term, LC_ALL=os.environ.get("LC_ALL", "C.UTF-8"))
        for name in ("LINES", "COLUMNS", "NO_COLOR"):
            os.environ.pop(name, None)
        time.sleep(0.02)  # until the terminal has its size
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    out = []
    end = time.monotonic() + LONGEST
    while not out and time.monotonic() < end:
        drain(fd, out)
    for key in keys:
        if not drain(fd, out):
            break
        os.write(fd, KEYS.get(key, key.encode()))
    end = time.monotonic() + LONGEST
    while drain(fd, out) and time.monotonic() < end:
        pass
    os.close(fd)
    status = os.waitpid(pid, 0)[1]
    return b"".join(out), os.waitstatus_to_exitcode(status)


def main():
    term, size, path = sys.argv[1:4]
    with open(path) as f:
        keys = [word for line in f if not line.startswith("# ") for word in line.split()]
    raw, status = record(term, size, keys, sys.argv[4:])
    if os.environ.get("XSI_STREAM"):
        with open(os.environ["XSI_STREAM"], "wb") as f:
            f.write(raw)
    why = judge(raw)
    if why:
        print(why)
        return 1
    if status != 0 or len(raw) < 500:
        print("exit status %d after %d bytes; the last: %r" % (status, len(raw), raw[-200:]))
        return 2
    return 0


sys.exit(main())
