#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of an image whose texts turn against a terminal, and a judge of what a program prints.

    hostile_text.py make IMAGE FOLDER    one copy per run of letters in the image (at most 40)
    hostile_text.py most IMAGE OUT XSDUMP    one copy with all of them (at most 60), but those that
                                         would make other chunks or findings of it
    hostile_text.py names IMAGE OUT      a copy of a file of xl, xend or libvirt, whose guest's name
                                         does the same in the way of its configuration
    hostile_text.py judge [--sgr]        read output on standard input; exit 1 and say why when
                                         something in it could reach a terminal as a command
"""
import json
import os
import re
import struct
import subprocess
import sys

# C0, DEL, C1 raw and encoded, bidi controls, an overlong form, a lone surrogate, a cut sequence
EVIL = (b"\x1b[2J\x07\x08\r\x7f\xc2\x9b31m\x9b\xe2\x80\xae\xe2\x81\xa6\xc0\xaf\xed\xa0\x80\x1b]0;x\x07"
        b"\xe2\x80")
SGR = re.compile(r"\x1b\[[0-9;]*m")
BIDI = {0x061c, 0x200e, 0x200f, *range(0x202a, 0x202f), *range(0x2066, 0x206a)}


def texts(data, limit):
    runs = [m for m in re.finditer(rb"[A-Za-z0-9 _./:-]{5,}", data) if not m.group().isspace()]
    return runs[::len(runs) // limit + 1]


def turned(data, run):
    n = run.end() - run.start()
    return data[:run.start()] + (EVIL * (n // len(EVIL) + 1))[:n] + data[run.end():]


def make(path, folder):
    data = open(path, "rb").read()
    for i, run in enumerate(texts(data, 40)):
        with open(os.path.join(folder, "%03d.img" % i), "wb") as out:
            out.write(turned(data, run))


def most(path, out, xsdump):
    def says(image):
        with open(out, "wb") as f:
            f.write(image)
        text = subprocess.run([xsdump, "--json", out], stdout=subprocess.PIPE, check=False).stdout
        said = json.loads(text)["images"][0]
        return (said["stack"], [c["type"] for c in said["chunks"]],
                [f["code"] for f in said["findings"]])

    data = open(path, "rb").read()
    want = says(data)
    for run in texts(data, 60):
        evil = turned(data, run)
        if says(evil) == want:
            data = evil
    says(data)


# magic, where lengths of the configuration stand, and how; the name in it; what it becomes
CONFIGS = (
    (b"Xen saved domain, xl format", (44, 48), "<I", rb'"name"\s*:\s*"([^"]*)"',
     rb"\u001b[2J\u0007\u009b31m\u202e\u007f\ud800\r\b\u0000x" b"\xe2\x80\xae\xc2\x9b"),
    (b"LinuxGuestRecord", (16,), ">I", rb"\(name ([^ )]*)",
     b"'" + rb"\x1b[2J\033[2J\a" + EVIL + b"'"),
    (b"libvirt-xml", (20,), "<I", rb"<name>([^<]*)",
     b"&#27;[2J&#x7;&#x202e;&#x9b;31m\xe2\x80\xae\xc2\x9b31m\x7f"),
)


def names(path, out):
    data = open(path, "rb").read()
    for magic, lengths, how, pattern, evil in CONFIGS:
        if not data.startswith(magic):
            continue
        name = re.search(pattern, data, re.S)
        more = len(evil) - len(name.group(1))
        data = data[:name.start(1)] + evil + data[name.end(1):]
        for at in lengths:
            length = struct.pack(how, struct.unpack_from(how, data, at)[0] + more)
            data = data[:at] + length + data[at + 4:]
    with open(out, "wb") as f:
        f.write(data)


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
    if sys.argv[1] == "most":
        most(*sys.argv[2:5])
        return 0
    if sys.argv[1] == "names":
        names(*sys.argv[2:4])
        return 0
    why = judge("--sgr" in sys.argv)
    if why:
        print(why)
    return 1 if why else 0


sys.exit(main())
