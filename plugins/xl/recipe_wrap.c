/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xl's header around a stream that stands without one: its own is gone, another toolstack's
 * container is there, or none ever was.
 */
#include <inttypes.h>

#include "recipe.h"

enum { MINIMAL_MAX = 4096, LIBXL_LAYER_SIZE = 24, WHOLE_HEADER = XL_HEADER_SIZE + 4 };

/* libxl's header and LIBXC_CONTEXT; 4.22:libxl_sr_stream_format.h. */
static const uint8_t libxl_layer[LIBXL_LAYER_SIZE] = "LibxlFmt\0\0\0\2\0\0\0\0\1\0\0\0\0\0\0";

/* What stands in front of the stream. */
struct front {
    uint64_t length;
    const char *container; /* of another toolstack; NULL: none is recognised */
    const uint8_t *json;   /* a whole configuration among the bytes in front; NULL: none */
    size_t json_length;
};

static const char *container_of(const struct xsi_info *info)
{
    static const char *const known[] = { "xl", "xend", "xapi", "xapi-v2", "libvirt" };

    for (size_t i = 0; i < info->stack_length; i++)
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
            if (!strcmp(info->stack[i], known[k]))
                return info->stack[i];
    return NULL;
}

/* A configuration that ends where the stream begins, behind a header that cannot be read. */
static void find_json(const uint8_t *p, size_t n, struct front *f)
{
    struct config_facts facts;
    const uint8_t *brace = memchr(p, '{', n);
    size_t left = brace ? n - (size_t)(brace - p) : 0;

    if (!brace)
        return;
    config_json(brace, left, true, &facts);
    if (facts.problem || !facts.complete || left - facts.end > 1 || !facts.name[0] ||
        facts.guest == XSI_GUEST_UNKNOWN)
        return;
    f->json = brace;
    f->json_length = facts.end;
}

static void look(struct xsi_mend *m, const struct xsi_map_row *stream, struct front *f)
{
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));

    *f = (struct front){ .length = stream->offset, .container = container_of(info) };
    if (!f->container && f->length && f->length <= CONFIG_LOOK) {
        const uint8_t *p = xsi_mend_bytes(m, 0, (size_t)f->length);

        if (p)
            find_json(p, (size_t)f->length, f);
    }
}

/* Header and length of the configuration, which is `text` long in optional data of `room`. */
static void put_header(uint8_t *out, uint32_t flags, uint64_t room, size_t text)
{
    uint32_t words[5] = { htole32(0x01020304), htole32(flags), 0, htole32((uint32_t)room),
                          htole32((uint32_t)text) };

    memcpy(out, XL_MAGIC, XL_MAGIC_SIZE);
    memcpy(out + XL_MAGIC_SIZE, words, sizeof(words));
}

/* The header, and behind it the configuration. Returns its length, 0: none can be made. */
static size_t make_header(struct xsi_mend *m, const struct front *f, uint32_t flags, uint8_t *out)
{
    bool json = xl_release(m) >= XL_JSON_SINCE;
    char *text = (char *)out + WHOLE_HEADER;
    size_t n;

    if (f->json && json) {
        memcpy(text, f->json, f->json_length);
        n = f->json_length;
        text[n] = '\0';
    } else {
        n = config_minimal(m, json ? CONFIG_JSON : CONFIG_CFG, text, MINIMAL_MAX);
    }
    if (!n)
        return 0;
    n += json; /* its NUL is counted */
    put_header(out, flags | (json ? XL_FLAG_JSON : 0), n + 4, n);
    return WHOLE_HEADER + n;
}

/* A libxc stream of Xen 4.6 and later stands inside libxl's. */
static size_t add_libxl(struct xsi_mend *m, uint8_t *out)
{
    uint64_t end = config_stream_end(m);

    memcpy(out, libxl_layer, LIBXL_LAYER_SIZE);
    if (config_zeros(m, end, 8) < 8)
        xsi_mend_splice(m, end, 0, "\0\0\0\0\0\0\0", 8, "append libxl's END");
    return LIBXL_LAYER_SIZE;
}

/*
 * Nothing is recognised, because the first bytes are gone: a stream of libxl's is looked for behind
 * them, and the configuration between. Without it the space is left to optional data, so that xl
 * goes on with a configuration of its command line.
 */
static int rebuild(struct xsi_mend *m)
{
    static const char ident[] = "LibxlFmt\0\0\0\2";
    uint64_t size = xsi_mend_size(m);
    size_t n = size < CONFIG_LOOK ? (size_t)size : CONFIG_LOOK, length;
    const uint8_t *p = xsi_mend_bytes(m, 0, n), *stream;
    struct front f = { 0 };
    uint8_t *out;

    stream = p ? memmem(p, n, ident, sizeof(ident) - 1) : NULL;
    if (!stream || xl_release(m) < XL_STREAM_V2_SINCE || memmem(p, n, "<domain", 7))
        return 0;
    f.length = (uint64_t)(stream - p);
    find_json(p, (size_t)f.length, &f);
    out = xsi_mend_scratch(m, WHOLE_HEADER + f.json_length + 1);
    if (!out)
        return 0;
    if (f.json) {
        length = make_header(m, &f, XL_FLAG_STREAM_V2, out);
        xsi_mend_splice(m, 0, f.length, out, length,
                        "write xl's header in front of the "
                        "configuration and the stream at 0x%" PRIx64,
                        f.length);
        return 0;
    }
    length = f.length < WHOLE_HEADER ? (size_t)f.length : WHOLE_HEADER;
    put_header(out, XL_FLAG_STREAM_V2,
               f.length > XL_HEADER_SIZE + 4 ? f.length - XL_HEADER_SIZE : 4, 0);
    xsi_mend_keep(m, "front", 0, f.length);
    xsi_mend_splice(m, 0, length, out, WHOLE_HEADER,
                    "write xl's header in front of the "
                    "stream at 0x%" PRIx64 ". The configuration is gone, xl needs one: xl restore "
                    "GOOD.cfg IMAGE",
                    f.length);
    return 0;
}

static bool wanted(struct xsi_mend *m, const struct xsi_map_row *stream, const struct front *f)
{
    const struct xsi_verdict *v = xsi_mend_verdict(m);
    bool xl = f->container && !strcmp(f->container, "xl");

    if (xl)
        return false;
    if (xsi_mend_asked(m))
        return true;
    /* by itself: xl refused the first bytes, or they are what is left of a header */
    if (!v || v->outcome != XSI_FAILS)
        return false;
    return f->container ? v->fix && !strcmp(v->fix, "add-xl-header")
                        : f->length && !strncmp(stream->layer, "libxl", 5);
}

/*
 * The reader is of another age or width than the stream: no header helps. True: refused, with what
 * does.
 */
static bool needs_conversion(struct xsi_mend *m, const struct xsi_map_row *stream)
{
    const struct xsi_verdict *v = xsi_mend_verdict(m);
    const struct xsi_info *info = xsi_map_info(xsi_mend_map(m));
    bool legacy = !strncmp(stream->layer, "libxc-legacy", 12);
    bool xapi = container_of(info) && !strncmp(container_of(info), "xapi", 4);
    unsigned bits = xapi ? 32 : 64; /* what the toolstack's converter takes for granted */

    if (!v || v->outcome == XSI_RESTORES)
        return false;
    if (!legacy && xl_release(m) < XL_STREAM_V2_SINCE)
        xsi_mend_refuse(m, "a stream of Xen 4.6 or later, which no release before reads: restore "
                           "it on a host with Xen 4.6 or later");
    else if (legacy && xl_release(m) >= XL_STREAM_V2_SINCE && info->toolstack_bits &&
             info->toolstack_bits != bits)
        xsi_mend_refuse(
            m,
            "the stream is of a %u-bit toolstack, and this one starts its converter "
            "for %u bits: take a reader of %u bits; xsdump -t all IMAGE lists those that "
            "restore it",
            info->toolstack_bits, bits, info->toolstack_bits);
    else if (legacy && xl_release(m) >= XL_STREAM_V2_SINCE && info->guest == XSI_GUEST_PVH)
        xsi_mend_refuse(m,
                        "libxl starts its converter as for a PV guest when the configuration "
                        "says PVH, and this stream has the form of an HVM guest's: xsdump -t all "
                        "IMAGE lists the readers that restore it");
    else
        return false;
    return true;
}

int xl_add_header(struct xsi_mend *m)
{
    const struct xsi_map_row *stream = config_stream(m, 0);
    struct front f = { 0 };
    bool legacy, middle;
    uint8_t *out;
    size_t n;

    if (!stream && !container_of(xsi_map_info(xsi_mend_map(m))))
        return rebuild(m);
    if (!stream || needs_conversion(m, stream))
        return 0;
    look(m, stream, &f);
    if (!wanted(m, stream, &f))
        return 0;
    legacy = !strncmp(stream->layer, "libxc-legacy", 12);
    middle = !strncmp(stream->layer, "libxl", 5);
    out = xsi_mend_scratch(m, WHOLE_HEADER + LIBXL_LAYER_SIZE + f.json_length + MINIMAL_MAX);
    n = out ? make_header(m, &f, legacy ? 0 : XL_FLAG_STREAM_V2, out) : 0;
    if (!n) {
        xsi_mend_refuse(m, "the stream does not tell the kind of guest or its memory, and xl "
                           "takes no image without them; xsdump --core still saves the memory");
        return 0;
    }
    if (!f.json)
        config_minimal_words(m, "better give xl a whole one: xl restore GOOD.cfg IMAGE");
    if (!legacy && !middle)
        n += add_libxl(m, out + n);
    if (f.length)
        xsi_mend_keep(m, "front", 0, f.length);
    xsi_mend_splice(m, 0, f.length, out, n, "put xl's header%s in front of the %s stream%s%s",
                    f.json ? " and the configuration that stands there" : "", stream->layer,
                    f.container ? ", in the place of the container of " : "",
                    f.container ? f.container : "");
    return 0;
}
