/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a file is that no layer of Xen's claims: signatures, then structure, then statistics. */
#include "foreign.h"

#define TEXT_LOOK      4096
#define EXT_SUPERBLOCK 1024
#define MBR_TABLE      446
#define MBR_ENTRY      16

static const struct {
    const char *bytes, *name;
    size_t offset, length;
    enum foreign_finding finding;
    int score;
} signatures[] = {
#define SIGNATURE(finding, offset, bytes, score, name) \
    { bytes, name, offset, sizeof(bytes) - 1, FOREIGN_##finding, score },
#include "signatures.def"
#undef SIGNATURE
};

/* What Xen's tools say to each other before the stream (xl_migrate.c; xend's relocation server). */
static const char *const banners[] = {
    "xl migration receiver ready, send binary domain data.\n",
    "receive\n",
    "sslreceive\n",
    "ready receive\n",
    "(ready receive)\n",
};

static void found(struct foreign_guess *out, int score, enum foreign_finding finding,
                  const char *name)
{
    if (score <= out->score)
        return;
    out->score = score;
    out->finding = finding;
    out->name = name;
}

static void by_signature(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
        size_t at = signatures[i].offset, length = signatures[i].length;

        if (at + length <= n && !memcmp(p + at, signatures[i].bytes, length)) {
            found(out, signatures[i].score, signatures[i].finding, signatures[i].name);
            return;
        }
    }
}

static unsigned le16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

/* ext2, ext3, ext4: magic, then numbers that must fit together. */
static void ext_superblock(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    const uint8_t *s = p + EXT_SUPERBLOCK;

    if (n < EXT_SUPERBLOCK + 264 || le16(s + 56) != 0xef53)
        return;
    if (xsi_le32(s + 24) > 6 || !xsi_le32(s) || !xsi_le32(s + 4) || le16(s + 58) > 7)
        return;
    found(out, 88, FOREIGN_C91,
          xsi_le32(s + 96) & 0x40 ? "an ext4 file system"
          : xsi_le32(s + 92) & 4  ? "an ext3 file system"
                                  : "an ext2 file system");
}

/* A partition table of the old kind: its signature is too short to go by alone. */
static void partition_table(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    unsigned used = 0;

    if (n < 512 || p[510] != 0x55 || p[511] != 0xaa)
        return;
    for (size_t i = 0; i < 4; i++) {
        const uint8_t *e = p + MBR_TABLE + i * MBR_ENTRY;
        bool empty = !e[4] && !xsi_le32(e + 8) && !xsi_le32(e + 12);

        if (e[0] != 0 && e[0] != 0x80)
            return;
        if (empty)
            continue;
        if (!e[4] || !xsi_le32(e + 8) || !xsi_le32(e + 12))
            return;
        used++;
    }
    if (used)
        found(out, 80, FOREIGN_C92, "a disk with a partition table");
}

/* ELF: Xen's dump-core has sections and no segments (docs/misc/dump-core-format.txt). */
static void elf(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    struct xsi_cursor c = { p, n, false, false };
    unsigned type, segments;

    if (n < 64 || memcmp(p, "\177ELF", 4) != 0)
        return;
    c.big = p[5] == 2;
    xsi_skip(&c, 16);
    type = xsi_u16(&c);
    xsi_skip(&c, p[4] == 2 ? 38 : 26);
    segments = xsi_u16(&c);
    if (type != 4)
        found(out, 90, FOREIGN_C99, "an ELF program or library");
    else if (!segments || memmem(p, n, ".note.Xen", 9))
        found(out, 92, FOREIGN_C87, "a core dump of xl dump-core (ELF)");
    else
        found(out, 92, FOREIGN_C87, "an ELF core dump");
}

/* libvirt's Cloud-Hypervisor driver has the Xen driver's magic text. */
static void libvirt(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    if (n < 128 || memcmp(p, "libvirt-xml\n \0 \r", 16) != 0 || xsi_le32(p + 16) <= 2)
        return;
    if (memmem(p + 64, n - 64 < 512 ? n - 64 : 512, "<domain type='xen'", 18))
        return;
    if (memmem(p + 64, n - 64 < 512 ? n - 64 : 512, "<domain", 7))
        found(out, 95, FOREIGN_C85, "a save of libvirt's Cloud-Hypervisor driver");
}

static void same_bytes(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    size_t i = 1;

    if (n < 64 || (p[0] && p[0] != 0xff))
        return;
    while (i < n && p[i] == p[0])
        i++;
    if (i < n)
        return;
    if (p[0])
        found(out, 60, FOREIGN_C95, "nothing but 0xff");
    else
        found(out, 60, FOREIGN_C94, "nothing but zeros");
}

static void text(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    static const struct {
        const char *word, *name;
    } rows[] = {
        { "xc: error:", "a log of Xen's tools" },
        { "libxl: ", "a log of Xen's tools" },
        { "xc_restore", "a log of Xen's tools" },
        { "xenguest", "a log of Xen's tools" },
        { "<domain", "a domain configuration (libvirt XML)" },
        { "(domain", "a domain configuration (xend)" },
        { "\"c_info\"", "a domain configuration (libxl JSON)" },
    };
    size_t odd = 0;

    if (n > TEXT_LOOK)
        n = TEXT_LOOK;
    if (n < 16)
        return;
    for (size_t i = 0; i < n; i++) {
        if (!p[i])
            return;
        odd += (p[i] < 0x20 && p[i] != '\n' && p[i] != '\r' && p[i] != '\t') || p[i] == 0x7f;
    }
    if (odd > n / 64)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (memmem(p, n, rows[i].word, strlen(rows[i].word)))
            found(out, 58, FOREIGN_C93, rows[i].name);
    /* bytes above 0x7f would be UTF-8; a stream is never free of control characters */
    found(out, 55, FOREIGN_C93, p[0] == '#' && p[1] == '!' ? "a script" : "text");
}

static bool banner(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    for (size_t i = 0; i < sizeof(banners) / sizeof(banners[0]); i++) {
        size_t length = strlen(banners[i]);

        if (n <= length || memcmp(p, banners[i], length) != 0)
            continue;
        found(out, 90, FOREIGN_C96, "text of a migration handshake");
        out->banner = length;
        return true;
    }
    return false;
}

void foreign_recognise(const uint8_t *p, size_t n, struct foreign_guess *out)
{
    memset(out, 0, sizeof(*out));
    if (banner(p, n, out))
        return;
    by_signature(p, n, out);
    ext_superblock(p, n, out);
    partition_table(p, n, out);
    elf(p, n, out);
    libvirt(p, n, out);
    same_bytes(p, n, out);
    if (!out->score)
        text(p, n, out);
}
