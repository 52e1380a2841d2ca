#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vmlinux.py VMLINUZ OUT: the ELF inside a bzImage.

Xen can unpack it itself, but under emulation that takes seconds at every boot.
"""
import gzip
import lzma
import struct
import subprocess
import sys

# first bytes of the payload, and what unpacks it; all but xz carry the length behind the data
PACKERS = {
    b"\xfd7zXZ\0": lambda data: lzma.LZMADecompressor().decompress(data),
    b"\x1f\x8b": lambda data: gzip.decompress(data[:-4]),
    b"\x28\xb5\x2f\xfd": lambda data: piped(["zstd", "-dcq"], data[:-4]),
    b"\x02\x21\x4c\x18": lambda data: piped(["lz4", "-dcq"], data[:-4]),
}


def piped(command, data):
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def payload(image):
    # Linux: Documentation/x86/boot.rst: setup_sects, payload_offset, payload_length
    if image[0x202:0x206] != b"HdrS":
        sys.exit("vmlinux.py: not a bzImage")
    sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    return image[(sectors + 1) * 512 + offset:][:length]


def main(path, out):
    with open(path, "rb") as f:
        data = payload(f.read())
    for magic, unpack in PACKERS.items():
        if data.startswith(magic):
            elf = unpack(data)
            break
    else:
        sys.exit("vmlinux.py: unknown compression %s" % data[:8].hex())
    if elf[:4] != b"\x7fELF":
        sys.exit("vmlinux.py: what is inside is no ELF")
    with open(out, "wb") as f:
        f.write(elf)


main(*sys.argv[1:])
