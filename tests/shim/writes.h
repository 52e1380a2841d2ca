/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that fails, fills up, or loses power at one step of a program: see writes.c. */
#ifndef XSI_TESTS_SHIM_WRITES_H
#define XSI_TESTS_SHIM_WRITES_H

enum writes_fault {
    WRITES_NONE,
    WRITES_EIO, /* the step fails */
    WRITES_ENOSPC,
    WRITES_EINTR,
    WRITES_SHORT,     /* half of it is done */
    WRITES_DEAD,      /* it fails, and so does every step behind it */
    WRITES_KILL,      /* SIGKILL in front of the step */
    WRITES_LOSE_ALL,  /* a power cut there: all that was not synced is gone */
    WRITES_LOSE_SOME, /* the same, but each sector that was not synced is there or not, by chance */
    WRITES_FAULTS
};

/* Count steps from here on; the step with number `at` (from 0) gets the fault. */
void writes_arm(enum writes_fault fault, unsigned long at, unsigned seed);
/* The number of steps that were made. The power cuts happen now at the latest. */
unsigned long writes_disarm(void);
/* Files without a name cannot be had, as on some file systems. */
void writes_no_tmpfile(int on);

#endif
