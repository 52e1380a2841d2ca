/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Command line: xsgen [-o FILE] [--layout] RECIPE */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xsgen.h"

#define DEPTH_MAX 4
#define PAGES_MAX (1ULL << 22) /* without `sparse`: 16 GiB */

/* What no writer of that era could have written. */
static void check_era(const char *path, const struct recipe *r)
{
    if (r->format == FORMAT_LEGACY && r->era >= ERA(4, 6, 0))
        fail(path, 0, "Xen 4.6 and later write no legacy stream");
    if (r->format == FORMAT_V2 && r->era < ERA(4, 6, 0))
        fail(path, 0, "v2 streams are written since Xen 4.6");
    if (r->format == FORMAT_LEGACY && r->era < ERA(3, 2, 0) && is_pv(r) &&
        guest_width(r) * 8 != r->width)
        fail(path, 0, "writers before 3.2 save guests of their own width only");
    if (r->format == FORMAT_LEGACY && r->era < ERA(3, 1, 0) && !is_pv(r))
        fail(path, 0, "HVM guests are saved since Xen 3.1");
    if (r->vcpus > 64 && r->format == FORMAT_LEGACY && r->era < ERA(4, 2, 0))
        fail(path, 0, "more than 64 vCPUs are saved since Xen 4.2");
    if (r->checkpoints && r->format == FORMAT_LEGACY && (r->era < ERA(4, 0, 0) || r->live.n == 0))
        fail(path, 0, "checkpoints need era 4.0 and a live save");
    if (r->compress && (r->era < ERA(4, 2, 0) || !r->checkpoints))
        fail(path, 0, "compression needs era 4.2 and checkpoints");
    if ((r->tmem.n && r->tmem.at[0] != 8 && r->tmem.at[0] != 24) ||
        (r->tmem_extra.n && r->tmem_extra.at[0] != 8 && r->tmem_extra.at[0] != 24))
        fail(path, 0, "a tmem object id has 8 or 24 bytes");
    if (r->live.n > 30)
        fail(path, 0, "more than 31 passes");
}

static void check(const char *path, struct recipe *r)
{
    if (r->width != 32 && r->width != 64)
        fail(path, 0, "width is 32 or 64");
    if (r->pages == 0 && r->format <= FORMAT_V2)
        r->pages = 304;
    if (!r->sparse && (p2m_size(r) > PAGES_MAX || r->pages > PAGES_MAX))
        fail(path, 0, "more than %llu pages need 'sparse on'", PAGES_MAX);
    if (p2m_size(r) > r->pages + (1ULL << 22))
        fail(path, 0, "more than 4 million frames without page");
    if (r->tmem.n > 2 && r->tmem.at[1] * r->tmem.at[2] > 1 << 16)
        fail(path, 0, "more than 65536 tmem pages");
    if (is_pv(r) && r->format <= FORMAT_V2 && r->pages < PFN_PLAIN + 1)
        fail(path, 0, "a PV guest needs at least %u pages", PFN_PLAIN + 1);
    if (is_pv(r) && r->pages > p2m_size(r))
        fail(path, 0, "more pages than p2m-size");
    check_era(path, r);
    if (r->type.n % 2 || r->param.n % 2)
        fail(path, 0, "type and param take pairs of numbers");
    if (r->levels == 0)
        r->levels = guest_width(r) == 8 ? 4 : 3;
}

void generate(const char *path, unsigned depth, struct recipe *r, struct image *g)
{
    struct damage *damage, *d;

    if (depth > DEPTH_MAX)
        fail(path, 0, "recipes append each other more than %d deep", DEPTH_MAX);
    recipe_load(path, r, &damage);
    r->depth = depth;
    check(path, r);
    memset(g, 0, sizeof(*g));
    g->r = r;
    g->layer = "none";
    container_image(g);
    for (d = damage; d; d = d->next)
        damage_apply(g, d);
    recipe_free(damage);
}

static void usage(FILE *out)
{
    fputs("usage: xsgen [-o FILE] RECIPE     write the image (to standard output)\n"
          "       xsgen --layout RECIPE      write its true boundaries, tab separated\n"
          "       xsgen --keys               list what a recipe may say\n"
          "A recipe has one 'key value' a line, then damage lines; see samples/README.md.\n",
          out);
}

static int write_image(const struct image *g, const char *path)
{
    FILE *out = path ? fopen(path, "wb") : stdout;
    struct stat st;
    bool regular;
    int rc;

    if (out == NULL)
        fail(path, 0, "%s", strerror(errno));
    /* Holes only in a file that was just made empty: elsewhere zeros must be written. */
    regular = path && fstat(fileno(out), &st) == 0 && S_ISREG(st.st_mode);
    rc = image_write(g, out, regular);
    if (rc == 0 && fflush(out))
        rc = -errno;
    if (rc == 0 && regular && ftruncate(fileno(out), (off_t)g->size))
        rc = -errno;
    if (path && fclose(out) && rc == 0)
        rc = -errno;
    if (rc) {
        fprintf(stderr, "xsgen: %s: %s\n", path ? path : "standard output", strerror(-rc));
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "layout", no_argument, NULL, 'l' },
        { "keys", no_argument, NULL, 'k' },
        { "output", required_argument, NULL, 'o' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    const char *output = NULL;
    bool layout = false;
    struct recipe r;
    struct image g;
    int c, rc;

    while ((c = getopt_long(argc, argv, "o:lkh", options, NULL)) != -1) {
        if (c == 'o') {
            output = optarg;
        } else if (c == 'l') {
            layout = true;
        } else if (c == 'k') {
            recipe_keys(stdout);
            return 0;
        } else {
            usage(c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : 2;
        }
    }
    if (optind + 1 != argc) {
        usage(stderr);
        return 2;
    }
    generate(argv[optind], 0, &r, &g);
    if (layout) {
        image_layout(&g, stdout);
        rc = fflush(stdout) || ferror(stdout) ? 1 : 0;
    } else {
        rc = write_image(&g, output);
    }
    image_free(&g);
    return rc;
}
