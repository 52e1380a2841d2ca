#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walk a raw legacy libxc stream and print its items: offset, length, type, id, note.

Written from the format reference alone, apart from both the dissector and the sample generator,
so that tests have a third opinion. It stops at the first thing that does not fit (exit status 1).

    legacy_walk.py [-s SKIP] [-w 32|64] [-g pv|hvm] IMAGE
"""
import argparse
import struct
import sys

HP16 = {-3: "HVM_IDENT_PT", -4: "HVM_VM86_TSS", -8: "HVM_CONSOLE_PFN",
        -10: "HVM_ACPI_IOPORTS_LOCATION", -11: "HVM_VIRIDIAN", -14: "HVM_GENERATION_ID_ADDR",
        -15: "HVM_PAGING_RING_PFN", -16: "HVM_ACCESS_RING_PFN", -17: "HVM_SHARING_RING_PFN",
        -19: "HVM_IOREQ_SERVER_PFN", -20: "HVM_NR_IOREQ_SERVER_PAGES", -21: "HVM_X87_FIP_WIDTH"}
BARE = {-1: "ENABLE_VERIFY_MODE", -9: "LAST_CHECKPOINT", -13: "ENABLE_COMPRESSION"}
SIGS = (b"QemuDeviceModelRecord\n", b"QemuDeviceModelRecord", b"DeviceModelRecord0002",
        b"RemusDeviceModelState")


class Bad(Exception):
    pass


class Walk:
    def __init__(self, f, width, guest):
        self.f, self.size = f, f.seek(0, 2)
        self.ul, self.guest = width, guest
        self.rows, self.at, self.vcpus, self.oid = [], 0, [0], 24
        self.gw, self.extv, self.xcnt, self.remus, self.squeezed = width, False, False, True, False

    def peek(self, at, n):
        self.f.seek(at)
        data = self.f.read(n)
        if len(data) < n:
            raise Bad("cut at %d: %d bytes wanted, %d there" % (at, n, len(data)))
        return data

    def num(self, fmt, at):
        return struct.unpack("<" + fmt, self.peek(at, struct.calcsize("<" + fmt)))[0]

    def long(self, at):
        return self.num("I" if self.ul == 4 else "Q", at)

    def put(self, length, kind, ident="-", note=""):
        if self.at + length > self.size:
            there = self.size - self.at
            raise Bad("%s at %d is cut: %d of %d bytes" % (kind, self.at, there, length))
        self.rows.append((self.at, length, kind, ident, note))
        self.at += length

    def ext_info(self):
        end = self.at + self.ul + 4 + self.num("I", self.at + self.ul)
        self.put(self.ul + 4, "EXTENDED_INFO")
        while self.at < end:
            name, size = self.peek(self.at, 4), self.num("I", self.at + 4)
            if name == b"vcpu":
                self.gw = {2800: 4, 5168: 8}[size]
            self.extv |= name == b"extv"
            self.xcnt |= name == b"xcnt" and self.num("I", self.at + 8) != 0
            self.put(8 + size, "EXT_" + name.decode("latin1").upper())

    def batch(self, count):
        if count > 1024:
            raise Bad("count %d at %d" % (count, self.at))
        raw = self.peek(self.at + 4, self.ul * count)
        words = struct.unpack("<%d%s" % (count, "I" if self.ul == 4 else "Q"), raw)
        kinds = [w >> 28 & 15 for w in words]
        data = sum(k < 13 for k in kinds)
        note = "".join("%x" % k for k in kinds)
        self.put(4 + self.ul * count + (0 if self.squeezed else 4096 * data), "PAGES", data, note)

    def tmem(self, extra):
        p = self.at + 4 + (0 if extra else 28)
        while True:
            pool, p = self.num("I", p), p + 4
            if pool == 0xFFFFFFFF:
                break
            if extra:
                p += self.oid + 4
                continue
            pages, p = self.num("I", p + 4), p + 24
            for _ in range(pages):
                if self.peek(p, self.oid) == b"\xff" * self.oid:
                    p += self.oid
                    break
                p += self.oid + 4 + 4096
        self.put(p - self.at, "TMEM_EXTRA" if extra else "TMEM", -6 if extra else -5)

    def body(self):
        while True:
            n = self.num("i", self.at)
            if n == 0:
                return self.put(4, "END", 0)
            if n > 0:
                self.batch(n)
            elif n in HP16:
                self.put(16, HP16[n], n)
            elif n in BARE:
                self.remus &= n != -9
                self.put(4, BARE[n], n)
            elif n == -2:
                top = self.num("i", self.at + 4)
                bits = int.from_bytes(self.peek(self.at + 8, 8 * (top // 64 + 1)), "little")
                self.vcpus = [v for v in range(top + 1) if bits >> v & 1]
                self.put(8 + 8 * (top // 64 + 1), "VCPU_INFO", n, "%d vcpus" % len(self.vcpus))
            elif n in (-5, -6):
                self.tmem(n == -6)
            elif n == -7:
                self.put(24, "TSC_INFO", n)
            elif n == -12:
                self.put(4 + self.ul + self.long(self.at + 4), "COMPRESSED_DATA", n)
            elif n == -18:
                self.put(8 + self.num("I", self.at + 4), "TOOLSTACK", n)
            else:
                raise Bad("unknown chunk %d at %d" % (n, self.at))

    def tail(self):
        if self.guest == "hvm":
            self.put(24, "MAGIC_PFNS")
            return self.put(4 + self.num("I", self.at), "HVM_CONTEXT")
        self.put(4 + self.ul * self.num("I", self.at), "UNMAPPED_PFNS")
        for _ in self.vcpus:
            self.put(2800 if self.gw == 4 else 5168, "VCPU_CONTEXT")
            if self.extv:
                self.put(128, "VCPU_EXTENDED")
            if self.xcnt:
                self.put(16 + self.num("Q", self.at + 8), "VCPU_XSAVE")
        self.put(4096, "SHARED_INFO")

    def record(self):
        for sig in SIGS:
            if self.at + len(sig) <= self.size and self.peek(self.at, len(sig)) == sig:
                break
        else:
            return
        n, rest = len(sig), self.size - self.at
        if n == 22:
            n += 4 + struct.unpack(">I", self.peek(self.at + 22, 4))[0]
        elif sig[:4] == b"Qemu":
            n = rest if self.peek(self.at + 21, 4) == b"QEVM" else 25 + self.num("I", self.at + 21)
        else:
            n += 4 + self.num("I", self.at + 21)
        self.put(n, "QEMU_RECORD", "-", sig.decode().strip())

    def header(self, skip):
        self.at = skip
        if not self.ul:
            self.ul = self.gw = 8 if self.num("I", skip + 4) == 0 else 4
        self.put(self.ul, "P2M_SIZE", "-", str(self.long(skip)))
        first = self.long(self.at)
        ones = (1 << 8 * self.ul) - 1
        if not self.guest:
            signed = self.num("i", self.at)
            self.guest = "pv" if first == ones or not (-21 <= signed <= 1024) else "hvm"
        if self.guest == "pv":
            if first == ones:
                self.ext_info()
            per = 4096 // (self.gw if self.extv or self.gw != self.ul else self.ul)
            frames = -(-self.long(skip) // per)
            self.put(self.ul * frames, "P2M_FRAME_LIST", "-", "%d frames" % frames)

    def run(self, skip):
        self.header(skip)
        while True:
            self.body()
            self.tail()
            self.record()
            self.squeezed |= any(r[2] == "ENABLE_COMPRESSION" for r in self.rows)
            if not self.remus or self.at + 4 > self.size or not self.plausible():
                return

    def plausible(self):
        """Is there another checkpoint, or only slack?"""
        n = self.num("i", self.at)
        return -21 <= n <= 1024 and n != 0


def main():
    args = argparse.ArgumentParser()
    args.add_argument("-s", type=int, default=0, help="bytes in front of the stream")
    args.add_argument("-w", type=int, choices=(32, 64), default=0)
    args.add_argument("-g", choices=("pv", "hvm"))
    args.add_argument("-o", type=int, choices=(8, 24), default=24, help="bytes of a tmem object id")
    args.add_argument("image")
    opt = args.parse_args()
    with open(opt.image, "rb") as f:
        walk = Walk(f, opt.w // 8, opt.g)
        walk.oid = opt.o
        status = 0
        try:
            walk.run(opt.s)
        except (Bad, KeyError, struct.error) as e:
            print("legacy_walk: %s" % e, file=sys.stderr)
            status = 1
        for row in walk.rows:
            print("%d\t%d\t%s\t%s\t%s" % row)
        if walk.at < walk.size:
            print("%d\t%d\tREST\t-\t" % (walk.at, walk.size - walk.at))
    return status


if __name__ == "__main__":
    sys.exit(main())
