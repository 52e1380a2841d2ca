/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libmagic's guess on bytes that nothing else knows. It is slow to start, so it is loaded late. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "internal.h"

struct magic_library {
    void *handle, *cookie;
    void *(*open)(int flags);
    int (*load)(void *cookie, const char *file);
    const char *(*buffer)(void *cookie, const void *bytes, size_t n);
    void (*close)(void *cookie);
};

/* dlsym returns an object pointer; ISO C wants the detour through memory for a function's. */
static bool symbol(void *handle, const char *name, void *function)
{
    void *p = dlsym(handle, name);

    memcpy(function, &p, sizeof(p));
    return p != NULL;
}

static struct magic_library *load(void)
{
    struct magic_library *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->handle = dlopen("libmagic.so.1", RTLD_NOW | RTLD_LOCAL);
    if (m->handle && symbol(m->handle, "magic_open", &m->open) &&
        symbol(m->handle, "magic_load", &m->load) &&
        symbol(m->handle, "magic_buffer", &m->buffer) &&
        symbol(m->handle, "magic_close", &m->close)) {
        m->cookie = m->open(0);
        if (m->cookie && m->load(m->cookie, NULL) != 0) {
            m->close(m->cookie);
            m->cookie = NULL;
        }
    }
    return m;
}

void xsi_magic_guess(struct xsi_walk *w, const void *bytes, size_t n, char *out, size_t size)
{
    struct magic_library *m = w->magic;
    const char *text;

    out[0] = '\0';
    if (!m)
        m = w->magic = load();
    if (!m || !m->cookie || !n)
        return;
    text = m->buffer(m->cookie, bytes, n < (256U << 10) ? n : 256U << 10);
    if (text && strcmp(text, "data"))
        xsi_escape(out, size, text, strlen(text));
}

void xsi_magic_free(struct xsi_walk *w)
{
    struct magic_library *m = w->magic;

    if (!m)
        return;
    if (m->cookie)
        m->close(m->cookie);
    if (m->handle)
        dlclose(m->handle);
    free(m);
    w->magic = NULL;
}
