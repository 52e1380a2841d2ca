#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of an image whose texts turn against a terminal, and a judge of what a program prints.

    hostile_text.py make IMAGE FOLDER    one copy per run of letters in the image (at most 40)
    hostile_text.py judge [--sgr]        read output on standard input; exit 1 and say why when
                                         something in it could reach a terminal as a command
"""
import os
import re
import sys

# C0, DEL, C1 raw and encoded, bidi controls, an overlong form, a lone surrogate, a cut sequence
EVIL = (b"\x1b[2J\x07\x08\r\x7f\xc2\x9b31m\x9b\xe2\x80\xae\xe2\x81\xa6\xc0\xaf\xed\xa0\x80\x1b]0;x\x07"
        b"\xe2\x80")
SGR = re.compile(r"\x1b\[[0-9;]*m")
BIDI = {0x061c, 0x200e, 0x200f, *range(0x202a, 0x202f), *range(0x2066, 0x206a)}


def make(path, folder):
    data = open(path, "rb").read()
    runs = [m for m in re.finditer(rb"[A-Za-z0-9 _./:-]{5,}", data) if not m.group().isspace()]
    step = len(runs) // 40 + 1
    for i, run in enumerate(runs[::step]):
        n = run.end() - run.start()
        evil = (EVIL * (n // len(EVIL) + 1))[:n]
        with open(os.path.join(folder, "%03d.img" % i), "wb") as out:
            out.write(data[:run.start()] + evil + data[run.end():])


def judge(colours):
    raw = sys.stdin.buffer.read()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        return "invalid UTF-8: %r" % raw[max(0, e.start - 40):e.end + 20]
    if colours:
        text = SGR.sub("", text)
    for i, c in enumerate(text):
        o = ord(c)
        if (o < 0x20 and c != "\n") or 0x7f <= o < 0xa0 or o in BIDI:
            return "U+%04X in %r" % (o, text[max(0, i - 40):i + 20])
    return None


def main():
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3])
        return 0
    why = judge("--sgr" in sys.argv)
    if why:
        print(why)
    return 1 if why else 0


sys.exit(main())
