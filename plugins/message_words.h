/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Words that the tables of messages (plugins/NAME/messages.def) share. A row is
 *   MSG(ID, from, to, KIND, "who", "format", "condition", "causes", "next", "codes")
 * and further wordings of the same message are ALSO(ID, from, to, KIND, "who", "format", SAME),
 * directly behind it. In a format a lone N stands for a number that differs from run to run.
 *
 * xsdump --explain reads these openings of condition and causes:
 *   condition "a restore begins", "a save begins", "a migration begins": what follows in a log is
 *             another attempt
 *   causes    "a consequence": a closing line, another line tells the cause; "part of the lines
 *             that follow": the same, and that line comes next
 *   causes    "22: … . 61: …": the part that the errno of the line names
 */
#ifndef MESSAGE_WORDS_H
#define MESSAGE_WORDS_H

/* A further wording: condition, causes, next and codes are those of the MSG row of its id. */
#define SAME "", "", "", ""

#define LIST_IMAGE  "xsdump IMAGE"
#define ASK_READERS "xsdump --target all IMAGE"
#define ASK_XEN     "xl dmesg | tail -20"
#define ASK_MEMORY  "xl info | grep free_memory"

#define WHY_CUT                                                                               \
    "the file ends too early: the disk filled up, the save was killed, or the copy is not "   \
    "complete; or the reader has lost its place and asks for more than there is"
#define WHY_STEP                                                                              \
    "the reader is out of step: bytes were lost or inserted before this place, or a count or " \
    "length there is damaged"
#define WHY_FLIP "damage of the image: bits flipped, or a block was overwritten"
#define WHY_HOST "a fault of the host (hypervisor, kernel, memory), not of the image"
#define WHY_MEMORY                                                                            \
    "the host has too little free memory, or the domain's maximum is below what the image holds"
#define WHY_HEAP "too little memory in dom0; with a senseless size the image is damaged"
#define WHY_FULL                                                                              \
    "the disk was full or the pipe was closed: the image is cut off here and cannot be resumed"
#define WHY_DEBUG "nothing: progress"

#endif
