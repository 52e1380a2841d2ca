/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configurations from one syntax into another, and the smallest one. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "model.h"

enum { TREE_SIZE = 1 << 20 };

static const char *const names[CONFIG_SYNTAXES] = { "configuration", "xl.cfg text", "xl JSON",
                                                    "libvirt XML", "xend SXP" };

const char *xsi_config_syntax_name(enum xsi_config_syntax syntax)
{
    return names[(unsigned)syntax < CONFIG_SYNTAXES ? syntax : 0];
}

enum xsi_config_syntax xsi_config_guess(const char *text, size_t n)
{
    static const char sxp[] = "(domain";

    while (n && strchr(" \t\r\n", *text) && *text)
        text++, n--;
    if (!n || !*text)
        return XSI_CONFIG_UNKNOWN;
    if (n >= sizeof(sxp) - 1 && !memcmp(text, sxp, sizeof(sxp) - 1))
        return XSI_CONFIG_SXP;
    if (*text == '{' || *text == '<')
        return *text == '{' ? XSI_CONFIG_JSON : XSI_CONFIG_XML;
    return (*text >= 'a' && *text <= 'z') || *text == '#' ? XSI_CONFIG_CFG : XSI_CONFIG_UNKNOWN;
}

void xsi_config_out_free(struct xsi_config_out *out)
{
    free(out->text);
    out->text = NULL;
}

/* ---- notes ---- */

static void leave_out(struct xsi_config_out *out, const struct config_tree *t, uint32_t node)
{
    char path[sizeof(out->left_out[0])];

    config_path(t, node, path, sizeof(path));
    for (size_t i = 0; i < out->left_out_count; i++)
        if (!strcmp(out->left_out[i], path))
            return;
    if (out->left_out_count == XSI_CONFIG_NOTES)
        out->left_out_more++;
    else
        memcpy(out->left_out[out->left_out_count++], path, sizeof(path));
}

static void XSI_PRINTF(2, 3) guess(struct xsi_config_out *out, const char *fmt, ...)
{
    va_list args;

    if (out->guessed_count == sizeof(out->guessed) / sizeof(out->guessed[0]))
        return;
    va_start(args, fmt);
    vsnprintf(out->guessed[out->guessed_count++], sizeof(out->guessed[0]), fmt, args);
    va_end(args);
}

/*
 * What need not be said when it is left out: what the running domain or its host had, not the
 * guest, and what every toolstack does anyway. With a value: only when it is that.
 */
static const struct {
    enum xsi_config_syntax syntax;
    const char *path, *value;
} harmless[] = {
    { XSI_CONFIG_JSON, "c_info/domid", NULL },
    { XSI_CONFIG_JSON, "c_info/run_hotplug_scripts", "True" },
    { XSI_CONFIG_JSON, "b_info/video_memkb", "0" },
    { XSI_CONFIG_JSON, "b_info/claim_mode", NULL },
    { XSI_CONFIG_JSON, "b_info/sched_params/sched", NULL },
    { XSI_CONFIG_JSON, "b_info/sched_params/weight", "256" },
    { XSI_CONFIG_JSON, "b_info/sched_params/cap", "0" },
    { XSI_CONFIG_JSON, "b_info/arch_x86/msr_relaxed", "False" },
    { XSI_CONFIG_JSON, "disks/*/colo_restore_enable", "False" },
    { XSI_CONFIG_JSON, "disks/*/backend_domid", "0" },
    { XSI_CONFIG_JSON, "disks/*/removable", NULL },
    { XSI_CONFIG_JSON, "nics/*/backend_domid", "0" },
    { XSI_CONFIG_JSON, "nics/*/devid", NULL },
    { XSI_CONFIG_JSON, "vfbs/*/devid", NULL },
    { XSI_CONFIG_JSON, "vkbs", NULL },
    { XSI_CONFIG_JSON, "on_soft_reset", "soft_reset" },
    { XSI_CONFIG_CFG, "kernel", NULL }, /* of HVM guests: hvmloader */
    { XSI_CONFIG_CFG, "device_model", NULL },
    { XSI_CONFIG_XML, "@type", NULL },
    { XSI_CONFIG_XML, "@id", NULL },
    { XSI_CONFIG_XML, "os/loader", NULL },
    { XSI_CONFIG_XML, "resource", NULL },
    { XSI_CONFIG_XML, "clock/@adjustment", "reset" },
    { XSI_CONFIG_XML, "devices/emulator", NULL },
    { XSI_CONFIG_XML, "devices/console", NULL },
    { XSI_CONFIG_XML, "devices/controller", NULL },
    { XSI_CONFIG_XML, "devices/input", NULL },
    { XSI_CONFIG_XML, "devices/memballoon", NULL },
    { XSI_CONFIG_XML, "devices/graphics/listen", NULL },
    { XSI_CONFIG_XML, "devices/video/model", NULL },
    { XSI_CONFIG_XML, "devices/disk/@type", NULL },
    { XSI_CONFIG_XML, "devices/disk/target/@bus", NULL },
    { XSI_CONFIG_XML, "devices/interface/@type", "bridge" },
    { XSI_CONFIG_XML, "devices/*/address", NULL },
    { XSI_CONFIG_XML, "devices/*/alias", NULL },
    { XSI_CONFIG_SXP, "domid", NULL },
    { XSI_CONFIG_SXP, "status", NULL },
    { XSI_CONFIG_SXP, "state", NULL },
    { XSI_CONFIG_SXP, "start_time", NULL },
    { XSI_CONFIG_SXP, "cpu_time", NULL },
    { XSI_CONFIG_SXP, "online_vcpus", NULL },
    { XSI_CONFIG_SXP, "store_mfn", NULL },
    { XSI_CONFIG_SXP, "console_mfn", NULL },
    { XSI_CONFIG_SXP, "on_xend_start", "ignore" },
    { XSI_CONFIG_SXP, "on_xend_stop", "ignore" },
    { XSI_CONFIG_SXP, "cpu_weight", "256" },
    { XSI_CONFIG_SXP, "cpu_cap", "0" },
    { XSI_CONFIG_SXP, "image/hvm/kernel", NULL },
    { XSI_CONFIG_SXP, "image/hvm/loader", NULL },
    { XSI_CONFIG_SXP, "image/hvm/device_model", NULL },
    { XSI_CONFIG_SXP, "image/*/notes", NULL },
    { XSI_CONFIG_SXP, "device/vkbd", NULL },
    { XSI_CONFIG_SXP, "device/console", NULL },
    { XSI_CONFIG_SXP, "device/*/uuid", NULL },
    { XSI_CONFIG_SXP, "device/*/bootable", NULL },
    { XSI_CONFIG_SXP, "device/*/VDI", NULL },
    { XSI_CONFIG_SXP, "device/*/driver", NULL },
    { XSI_CONFIG_SXP, "device/*/backend", "0" },
};

static void forget_harmless(struct config_tree *t, enum xsi_config_syntax from)
{
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        uint32_t node = 0;

        while (harmless[i].syntax == from && (node = config_find(t, 0, harmless[i].path, node)))
            t->node[node].gone |=
                !harmless[i].value || !strcmp(config_value(t, node), harmless[i].value);
    }
}

/* Nodes that no member is made of, each by the outermost one that has nothing of use inside. */
static void name_rest(struct config_tree *t, struct xsi_config_out *out)
{
    bool *useful = calloc(t->count, sizeof(*useful)), *said = calloc(t->count, sizeof(*said));

    for (uint32_t i = t->count; useful && said && i-- > 1;) /* children stand behind parents */
        useful[t->node[i].parent] |= useful[i] || t->node[i].taken;
    for (uint32_t i = 1; useful && said && i < t->count; i++) {
        uint32_t top = i;

        t->node[i].gone |= t->node[t->node[i].parent].gone;
        if (t->node[i].taken || useful[i] || t->node[i].gone || !t->node[i].value_length)
            continue;
        while (t->node[top].parent && !useful[t->node[top].parent] &&
               !t->node[t->node[top].parent].taken)
            top = t->node[top].parent;
        if (!said[top])
            leave_out(out, t, top);
        said[top] = true;
    }
    free(useful);
    free(said);
}

static void name_unwritten(const struct config_model *m, const struct config_tree *t,
                           struct xsi_config_out *out)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->item[i].written && m->item[i].text && m->item[i].node &&
            !t->node[m->item[i].node].gone)
            leave_out(out, t, m->item[i].node);
}

/* ---- what stands in every text of a syntax ---- */

static const struct {
    enum xsi_config_syntax syntax;
    unsigned guests;
    bool last; /* behind the members */
    const char *path, *value;
} fixed[] = {
    { XSI_CONFIG_JSON, CONFIG_PV, true, "b_info/type.pv", NULL },
    { XSI_CONFIG_JSON, CONFIG_HVM, true, "b_info/type.hvm", NULL },
    { XSI_CONFIG_JSON, CONFIG_PVH, true, "b_info/type.pvh", NULL },
    { XSI_CONFIG_XML, CONFIG_ANY, false, "@type", "xen" },
    { XSI_CONFIG_XML, CONFIG_PV, true, "os/type/@machine", "xenpv" },
    { XSI_CONFIG_XML, CONFIG_HVM, true, "os/type/@machine", "xenfv" },
    { XSI_CONFIG_XML, CONFIG_PVH, true, "os/type/@machine", "xenpvh" },
    { XSI_CONFIG_SXP, CONFIG_ANY, false, "domid", "1" },
    /* xend 4.0 asks for the one, 3.1 for the other; without a device model it starts none */
    { XSI_CONFIG_SXP, CONFIG_HVM, true, "image/hvm/kernel", "" },
    { XSI_CONFIG_SXP, CONFIG_HVM, true, "image/hvm/loader", "/usr/lib/xen/boot/hvmloader" },
    { XSI_CONFIG_SXP, CONFIG_HVM, true, "image/hvm/device_model", "/usr/lib/xen/bin/qemu-dm" },
    { XSI_CONFIG_SXP, CONFIG_PV, true, "image/linux/kernel", "" },
    /* xl ends without a kernel or bootloader (PV: up to 4.4), also where a restore needs none */
    { XSI_CONFIG_CFG, CONFIG_PV | CONFIG_PVH, true, "kernel", "" },
};

static void put_fixed(struct config_tree *t, const struct config_model *m,
                      enum xsi_config_syntax to, bool last)
{
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        uint32_t node;

        if (fixed[i].syntax != to || !(fixed[i].guests & m->guest) || fixed[i].last != last ||
            (fixed[i].value && config_find(t, 0, fixed[i].path, 0)))
            continue;
        if (to == XSI_CONFIG_CFG && config_find(t, 0, "bootloader", 0))
            continue;
        node = config_make(t, 0, fixed[i].path);
        if (fixed[i].value)
            config_put_value(t, node, fixed[i].value, false);
    }
}

/* Attributes that follow from others. */
static void finish_xml(struct config_tree *t)
{
    uint32_t i = 0, node;

    while ((i = config_find(t, 0, "devices/disk", i))) {
        uint32_t driver = config_find(t, i, "driver/@name", 0);
        bool block = driver && !strcmp(config_value(t, driver), "phy");

        node = config_find(t, i, "source/@file", 0);
        if (block && node)
            config_rename(t, node, "@dev");
        config_put_value(t, config_make(t, i, "@type"), block ? "block" : "file", false);
    }
    while ((i = config_find(t, 0, "devices/interface", i))) {
        node = config_find(t, i, "source/@bridge", 0);
        config_put_value(t, config_make(t, i, "@type"), node ? "bridge" : "ethernet", false);
    }
}

/* (image (hvm …)): the kind of guest is a list. */
static void finish_sxp(struct config_tree *t, const struct config_model *m)
{
    uint32_t kind = config_find(t, 0, "image/@kind", 0);

    config_make(t, 0, m->guest == CONFIG_HVM ? "image/hvm" : "image/linux");
    if (kind)
        t->node[kind].gone = true;
}

/* ---- all of it ---- */

static int problem(struct xsi_config_out *out, int rc, const char *what)
{
    snprintf(out->problem, sizeof(out->problem), "%s", what);
    return rc;
}

/* Without these no toolstack takes it. */
static int complete(struct config_model *m, enum xsi_config_syntax to, struct xsi_config_out *out)
{
    const char *memory = config_get(m, CONFIG_DOMAIN, 0, "maxmem");
    const char *name = config_get(m, CONFIG_DOMAIN, 0, "name");

    if (!m->guest)
        return problem(out, -EINVAL, "it does not say the kind of guest (PV, PVH or HVM)");
    if (!memory || !strcmp(memory, "0"))
        return problem(out, -EINVAL, "it does not say how much memory the guest has");
    if (m->guest == CONFIG_PVH && to == XSI_CONFIG_SXP)
        return problem(out, -EOPNOTSUPP, "the guest is PVH, and xend knows only PV and HVM");
    if (!name) {
        config_set(m, CONFIG_DOMAIN, 0, "name", "restored", 0);
        guess(out, "the name is made up: restored");
    }
    if (!config_get(m, CONFIG_DOMAIN, 0, "vcpus")) {
        config_set(m, CONFIG_DOMAIN, 0, "vcpus", "1", 0);
        config_set(m, CONFIG_DOMAIN, 0, "online_vcpus", "1", 0);
        guess(out, "one vCPU");
    }
    if (m->guest == CONFIG_PVH && to == XSI_CONFIG_CFG)
        guess(out, "type = \"pvh\": xl before 4.10 does not know it");
    return m->full ? problem(out, -ENOMEM, "no memory for the configuration") : 0;
}

static int produce(struct config_model *m, enum xsi_config_syntax to, struct xsi_config_out *out)
{
    struct config_tree *t = config_tree_new(TREE_SIZE);
    bool rounded = false;
    int rc = -E2BIG;

    if (!t)
        return problem(out, -ENOMEM, "no memory for the configuration");
    put_fixed(t, m, to, false);
    config_lay_out(m, t, to, &rounded);
    put_fixed(t, m, to, true);
    if (to == XSI_CONFIG_XML)
        finish_xml(t);
    if (to == XSI_CONFIG_SXP)
        finish_sxp(t, m);
    if (rounded)
        guess(out, "memory in whole MiB, rounded up");
    if (!t->full) {
        out->text = config_write(t, to, &out->length);
        rc = !out->text ? -ENOMEM : out->length > XSI_CONFIG_TEXT_MAX ? -E2BIG : 0;
    }
    config_tree_free(t);
    if (rc)
        xsi_config_out_free(out);
    return rc ? problem(out, rc,
                        rc == -ENOMEM ? "no memory for the configuration"
                                      : "the configuration gets too long")
              : 0;
}

int xsi_config_translate(const char *text, size_t n, enum xsi_config_syntax from,
                         enum xsi_config_syntax to, struct xsi_config_out *out)
{
    struct config_model *m = calloc(1, sizeof(*m));
    struct config_tree *t;
    int rc;

    memset(out, 0, sizeof(*out));
    if (!m || to <= XSI_CONFIG_UNKNOWN || to > XSI_CONFIG_SXP) {
        free(m);
        return m ? problem(out, -EINVAL, "a configuration of unknown syntax is asked for")
                 : problem(out, -ENOMEM, "no memory for the configuration");
    }
    t = config_read(text, n, from, out->problem, sizeof(out->problem), &rc);
    if (t) {
        config_gather(m, t, from);
        config_defaults(m, from);
        rc = complete(m, to, out);
        rc = rc ? rc : produce(m, to, out);
        /* its saved state is of this one, but a state says better itself whose it is */
        if (from == XSI_CONFIG_SXP && to != from && m->guest == CONFIG_HVM)
            guess(out, "the host's usual device model, where xend's own is qemu-xen-traditional");
    }
    if (t && !rc) {
        forget_harmless(t, from);
        name_unwritten(m, t, out);
        name_rest(t, out);
    }
    config_tree_free(t);
    config_model_free(m);
    return rc;
}

int xsi_config_minimal(const struct xsi_config_bare *bare, enum xsi_config_syntax to,
                       struct xsi_config_out *out)
{
    static const char *const types[] = {
        [XSI_GUEST_PV] = "pv", [XSI_GUEST_HVM] = "hvm", [XSI_GUEST_PVH] = "pvh"
    };
    struct config_model *m = calloc(1, sizeof(*m));
    char number[24];
    int rc;

    memset(out, 0, sizeof(*out));
    if (!m || to <= XSI_CONFIG_UNKNOWN || to > XSI_CONFIG_SXP) {
        free(m);
        return m ? problem(out, -EINVAL, "a configuration of unknown syntax is asked for")
                 : problem(out, -ENOMEM, "no memory for the configuration");
    }
    if ((size_t)bare->kind < sizeof(types) / sizeof(types[0]) && types[bare->kind]) {
        config_set(m, CONFIG_DOMAIN, 0, "type", types[bare->kind], 0);
        m->guest = bare->kind == XSI_GUEST_PV    ? CONFIG_PV
                   : bare->kind == XSI_GUEST_HVM ? CONFIG_HVM
                                                 : CONFIG_PVH;
    }
    config_say(m, "name", bare->name);
    config_say(m, "uuid", bare->uuid);
    snprintf(number, sizeof(number), "%u", bare->vcpus);
    config_say(m, "vcpus", bare->vcpus ? number : NULL);
    config_say(m, "online_vcpus", bare->vcpus ? number : NULL);
    snprintf(number, sizeof(number), "%" PRIu64, bare->memory_kib);
    config_say(m, "maxmem", number);
    config_say(m, "memory", number);
    config_say(m, "on_poweroff", "destroy");
    config_say(m, "on_reboot", "restart");
    config_say(m, "on_soft_reset", "soft-reset");
    config_say(m, "on_crash", "destroy");
    rc = complete(m, to, out);
    rc = rc ? rc : produce(m, to, out);
    config_model_free(m);
    return rc;
}
