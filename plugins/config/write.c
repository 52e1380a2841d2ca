/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From tree to text. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "tree.h"

/* ---- values ---- */

static void json_text(FILE *out, const char *p)
{
    fputc('"', out);
    for (; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if ((unsigned char)*p < 0x20 || *p == 0x7f)
            fprintf(out, "\\u%04x", (unsigned)(unsigned char)*p);
        else
            fputc(*p, out);
    }
    fputc('"', out);
}

static void cfg_text(FILE *out, const char *p)
{
    fputc('"', out);
    for (; *p; p++)
        fprintf(out, "%s%c", *p == '"' || *p == '\\' ? "\\" : "", *p);
    fputc('"', out);
}

static void xml_text(FILE *out, const char *p)
{
    for (; *p; p++)
        switch (*p) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '\'':
            fputs("&apos;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*p, out);
        }
}

/* Bare where xend writes it bare (xen-4.0, tools/python/xen/xend/sxp.py:atomp). */
static void sxp_text(FILE *out, const char *p)
{
    bool bare = *p;

    for (const char *c = p; *c; c++)
        bare = bare && (isalnum((unsigned char)*c) || strchr(".-_:/~", *c));
    if (bare) {
        fputs(p, out);
        return;
    }
    fputc('\'', out);
    for (; *p; p++)
        fprintf(out, "%s%c", *p == '\'' || *p == '\\' ? "\\" : "", *p);
    fputc('\'', out);
}

static void put_value(FILE *out, const char *value, bool number, enum xsi_config_syntax syntax)
{
    static void (*const rows[])(FILE *, const char *) = {
        [XSI_CONFIG_CFG] = cfg_text,
        [XSI_CONFIG_JSON] = json_text,
        [XSI_CONFIG_XML] = xml_text,
        [XSI_CONFIG_SXP] = sxp_text,
    };

    if (number)
        fputs(value, out);
    else
        rows[syntax](out, value);
}

char *config_spell(const char *value, bool number, enum xsi_config_syntax syntax, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);

    if (!out)
        return NULL;
    put_value(out, value, number, syntax);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* ---- nodes ---- */

static bool is_attribute(const struct config_tree *t, uint32_t i)
{
    return *config_name(t, i) == '@';
}

/* The first child of a node behind `after` (0: of all); 0: none. Attributes only when asked. */
static uint32_t child(const struct config_tree *t, uint32_t parent, uint32_t after, bool attribute)
{
    for (uint32_t i = after > parent ? after + 1 : parent + 1; i < t->count; i++)
        if (t->node[i].parent == parent && !t->node[i].gone && is_attribute(t, i) == attribute)
            return i;
    return 0;
}

static void indent(FILE *out, unsigned depth, unsigned width)
{
    fprintf(out, "%*s", (int)(depth * width), "");
}

struct place {
    FILE *out;
    const struct config_tree *t;
    uint32_t node;
    unsigned depth;
    bool first; /* of its parent's children */
    bool leaf;  /* has none of its own */
};

static void json_enter(const struct place *p)
{
    const struct config_node *node = &p->t->node[p->node];

    if (p->depth) {
        fputs(p->first ? "\n" : ",\n", p->out);
        indent(p->out, p->depth, 4);
    }
    if (node->name_length) {
        json_text(p->out, config_name(p->t, p->node));
        fputs(": ", p->out);
    }
    if (node->has_value)
        put_value(p->out, config_value(p->t, p->node), node->number, XSI_CONFIG_JSON);
    else
        fputc(node->array ? '[' : '{', p->out);
}

static void json_leave(const struct place *p)
{
    const struct config_node *node = &p->t->node[p->node];

    if (node->has_value)
        return;
    fputc('\n', p->out);
    indent(p->out, p->depth, 4);
    fputs(node->array ? "]" : p->depth ? "}" : "}\n", p->out);
}

static const char *xml_name(const struct place *p)
{
    return p->depth ? config_name(p->t, p->node) : "domain";
}

static void xml_enter(const struct place *p)
{
    const struct config_node *node = &p->t->node[p->node];

    indent(p->out, p->depth, 2);
    fprintf(p->out, "<%s", xml_name(p));
    for (uint32_t i = 0; (i = child(p->t, p->node, i, true));) {
        fprintf(p->out, " %s='", config_name(p->t, i) + 1);
        xml_text(p->out, config_value(p->t, i));
        fputc('\'', p->out);
    }
    if (p->leaf && node->value_length) {
        fputc('>', p->out);
        xml_text(p->out, config_value(p->t, p->node));
        fprintf(p->out, "</%s>\n", xml_name(p));
    } else {
        fputs(p->leaf ? "/>\n" : ">\n", p->out);
    }
}

static void xml_leave(const struct place *p)
{
    if (p->leaf)
        return;
    indent(p->out, p->depth, 2);
    fprintf(p->out, "</%s>\n", xml_name(p));
}

static void sxp_enter(const struct place *p)
{
    const struct config_node *node = &p->t->node[p->node];

    fprintf(p->out, "%s(%s", p->depth ? " " : "", p->depth ? config_name(p->t, p->node) : "domain");
    if (node->has_value) {
        fputc(' ', p->out);
        sxp_text(p->out, config_value(p->t, p->node));
    }
}

static void sxp_leave(const struct place *p)
{
    fputc(')', p->out);
}

/* Items of a list are texts, or `k=v` pairs made into one. */
static void cfg_enter(const struct place *p)
{
    const struct config_node *node = &p->t->node[p->node];
    const char *value = config_value(p->t, p->node);

    if (p->depth == 1)
        fprintf(p->out, "%s = %s", config_name(p->t, p->node), node->array ? "[ " : "");
    else if (p->depth == 2)
        fputs(p->first ? "" : ", ", p->out);
    if (p->depth == 3)
        fprintf(p->out, "%s%s=%s", p->first ? "" : ",", config_name(p->t, p->node), value);
    else if (node->has_value)
        put_value(p->out, value, node->number, XSI_CONFIG_CFG);
    else if (p->depth == 2)
        fputc('"', p->out);
}

static void cfg_leave(const struct place *p)
{
    const struct config_node *node = &p->t->node[p->node];

    if (p->depth == 1)
        fputs(node->array ? " ]\n" : "\n", p->out);
    else if (p->depth == 2 && !node->has_value)
        fputc('"', p->out);
}

static const struct {
    void (*enter)(const struct place *p), (*leave)(const struct place *p);
} writers[] = {
    [XSI_CONFIG_CFG] = { cfg_enter, cfg_leave },
    [XSI_CONFIG_JSON] = { json_enter, json_leave },
    [XSI_CONFIG_XML] = { xml_enter, xml_leave },
    [XSI_CONFIG_SXP] = { sxp_enter, sxp_leave },
};

static void walk(const struct config_tree *t, enum xsi_config_syntax syntax, FILE *out)
{
    struct place p = { .out = out, .t = t, .first = true };
    uint32_t next = 0;

    for (;;) {
        p.leaf = !(next = child(t, p.node, 0, false));
        writers[syntax].enter(&p);
        p.first = true;
        if (next) {
            p.depth++;
            p.node = next;
            continue;
        }
        for (;;) { /* up, until there is somebody beside */
            p.leaf = !child(t, p.node, 0, false);
            writers[syntax].leave(&p);
            if (!p.depth)
                return;
            next = child(t, t->node[p.node].parent, p.node, false);
            if (next)
                break;
            p.node = t->node[p.node].parent;
            p.depth--;
        }
        p.node = next;
        p.first = false;
    }
}

char *config_write(const struct config_tree *t, enum xsi_config_syntax syntax, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);

    if (!out)
        return NULL;
    walk(t, syntax, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
