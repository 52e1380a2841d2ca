/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ways to mend a legacy stream. Findings name them (findings.def); those marked `unasked` also
 * look for work when a reader refuses the image. Order matters among these: what loses nothing
 * stands in front of what does, what mends damage in front of what a reader merely does not know.
 */
#include "recipe.h"

const struct xsi_recipe legacy_recipes[] = {
    { .name = "insert-checkpoint",
      .does = "puts LAST_CHECKPOINT (f7 ff ff ff) in front of the zero count that ends the body",
      .about =
          "For readers from 4.1 to 4.5, which otherwise look for another checkpoint behind the "
          "tail and take what they find there for a page count: a device-model record, zeros, "
          "text. Loses nothing. Readers before 4.1 do not know the chunk.",
      .run = legacy_insert_checkpoint,
      .unasked = true },
    { .name = "rebuild-count",
      .does = "puts the right count in front of a batch, or its whole header",
      .about = "The entries of a batch and the place where the next chunk begins determine its "
               "count. When the whole header is gone, the frames that the batches around leave out "
               "are taken, if they are as many as pages are there. A count that is one bit away "
               "from the damaged one is certain; anything else is said to be a guess. Where pages "
               "were overwritten with the header it refuses, unless it is asked for.",
      .run = legacy_rebuild_count },
    { .name = "fix-entry",
      .does = "puts the right frame number or type into an entry of a batch",
      .about = "Writers since 3.3 send frames in ascending order, so an entry that is out of order "
               "or range can often be only one frame. Types that do not exist, page tables in HVM "
               "guests and bits above the 32nd are put right. Streams of 3.0 to 3.2 have no order.",
      .run = legacy_fix_entry },
    { .name = "fix-chunk-id",
      .does = "puts the right chunk id where one bit of it is wrong",
      .about = "When a word is one bit away from a chunk id and what follows it is as long as that "
               "chunk, it was that chunk.",
      .run = legacy_fix_chunk_id,
      .unasked = true },
    { .name = "fix-chunk-length",
      .does = "puts the right length into TOOLSTACK or COMPRESSED_DATA",
      .about = "When the place where the stream goes on behind it is known.",
      .run = legacy_fix_chunk_length },
    { .name = "insert-end",
      .does = "puts the zero count that ends the body in front of the tail",
      .about = "When the tail follows the last chunk at once. Loses nothing. Where the last batch "
               "ends in four zeros they may be it, and it says so.",
      .run = legacy_insert_end },
    { .name = "drop-zero",
      .does = "deletes a zero count in the middle of the body",
      .about = "When the body goes on right behind it, four zero bytes were put in; or four other "
               "ones into a batch that ends in zeros, which looks the same, so it is a guess.",
      .run = legacy_drop_zero },
    { .name = "cut-gap",
      .does = "deletes bytes between two chunks that belong to none",
      .about = "When the place where the stream goes on is known. It cannot know whether the bytes "
               "were put in there or pages in front of them are shifted, and says so. Bytes that "
               "may hold a page it leaves alone, unless it is asked for.",
      .run = legacy_cut_gap,
      .unasked = true },
    { .name = "fix-p2m-size",
      .does = "puts a possible number of frames into the first word",
      .about =
          "When one bit of it is wrong: the pages of a PV image then do not begin behind its frame "
          "list, whose length p2m_size tells, and with another bit they do. When it is 0, the "
          "highest frame that has a page tells.",
      .run = legacy_fix_p2m_size,
      .unasked = true },
    { .name = "fix-extended-info",
      .does = "puts the right lengths and ids into the extended info of a PV image",
      .about = "The blocks have fixed ids and lengths, and the total is their sum.",
      .run = legacy_fix_extended_info },
    { .name = "drop-block",
      .does = "deletes a block of the extended info that no release knows",
      .about = "For convert-legacy-stream (4.6 and later), which refuses it; older readers step "
               "over it.",
      .run = legacy_drop_block },
    { .name = "insert-extended-info",
      .does = "puts extended info into a PV image of 3.0 or 3.1 that has none",
      .about = "For convert-legacy-stream (4.6 and later), which asks for it to learn the guest's "
               "width. Its vCPU context is that of the tail.",
      .run = legacy_insert_extended_info,
      .unasked = true },
    { .name = "fix-frame-list",
      .does = "puts the right frame into the p2m frame list",
      .about = "When its neighbours in the list leave room for one frame only, or one bit of it "
               "is wrong.",
      .run = legacy_fix_frame_list },
    { .name = "fix-vcpu-info",
      .does = "makes the highest vCPU id and the map of online vCPUs agree",
      .about = "Where the tail has a record for each vCPU, as in PV images, that is certain.",
      .run = legacy_fix_vcpu_info },
    { .name = "insert-vcpu-info",
      .does = "puts VCPU_INFO in front of a tail that has records of several vCPUs",
      .about = "The tail of a PV image tells how many they are, and the extended contexts their "
               "numbers.",
      .run = legacy_insert_vcpu_info },
    { .name = "fix-vcpu-number",
      .does = "puts the right vCPU number into an extended context",
      .about = "The records stand in the order of the map in VCPU_INFO.",
      .run = legacy_fix_vcpu_number },
    { .name = "fix-unmapped-count",
      .does = "puts the right number of unmapped frames, or a frame, into that list",
      .about = "The vCPU records and the shared info page that follow leave room for one number "
               "only; the list ascends.",
      .run = legacy_fix_unmapped },
    { .name = "fix-xsave-size",
      .does = "makes xcnt and the sizes of the xsave states agree",
      .about = "Readers take the size in the xcnt block for every vCPU. States of different sizes "
               "(hypervisors since 4.4) are filled up with zeros to the longest.",
      .run = legacy_fix_xsave },
    { .name = "fix-context-length",
      .does = "puts the right length in front of the HVM context",
      .about = "Its records end with one of type 0, which tells the length.",
      .run = legacy_fix_context },
    { .name = "insert-magic-pfns",
      .does = "puts the usual three frames in front of the HVM context",
      .about = "When they are missing. Guests of the domain builders of 3.4 to 4.5 have them at "
               "0xfeffd, 0xfeffb and 0xfeffc; another layout cannot be known.",
      .run = legacy_insert_magic },
    { .name = "fix-magic-pfns",
      .does = "puts a magic frame back into the guest",
      .about = "When one bit of it is wrong and the frame then lies beside the other two.",
      .run = legacy_fix_magic },
    { .name = "fix-console-pfn",
      .does = "puts the frame of the console ring back beside the magic frames",
      .about = "When the reader finds no memory there and one bit of the number is wrong.",
      .run = legacy_fix_console,
      .unasked = true },
    { .name = "fix-root",
      .does = "puts a page-table root of the guest into a vCPU's cr3",
      .about = "When it is one bit away from one, or the guest has only one.",
      .run = legacy_fix_root,
      .unasked = true },
    { .name = "fix-start-info",
      .does = "puts the frame of start_info back into vCPU 0's context",
      .about = "When it is one bit away from a page that begins with \"xen-\", or from one page "
               "only.",
      .run = legacy_fix_start_info },
    { .name = "fix-max-pfn",
      .does = "puts the guest's number of frames into its shared info page",
      .about = "When it is one bit away from the number in the header.",
      .run = legacy_fix_max_pfn },
    { .name = "fix-tsc-mode",
      .does = "puts a TSC mode that exists",
      .about = "One bit less when that explains it, else the default mode.",
      .run = legacy_fix_tsc },
    { .name = "complete-tail",
      .does = "fills up a shared info page of which only the unused end is missing",
      .about =
          "An image that ends earlier lacks the state of the CPUs and cannot be completed; the "
          "reason, and what can still be saved, is said.",
      .run = legacy_complete_tail },
    { .name = "fill-batch",
      .does = "fills up a batch whose pages are too short, on request only",
      .about = "A reader then passes, but up to all frames of the batch have wrong contents. Only "
               "to look at the rest of the guest, never to run it.",
      .run = legacy_fill_batch },
    { .name = "cut-checkpoint",
      .does =
          "cuts a Remus stream back to its last complete checkpoint, with LAST_CHECKPOINT in it",
      .about =
          "Readers throw an incomplete checkpoint away, except that of 4.4, which fails. Pages "
          "that cannot be unpacked make the stream be cut in front of their checkpoint.",
      .run = legacy_cut_checkpoint },
    { .name = "merge-checkpoints",
      .does = "makes one checkpoint of all complete ones of a Remus stream",
      .about = "For readers that take only the first (3.x, libxl from 4.3.2 on, XenServer): the "
               "bodies are joined in front of the last tail, so that the state of the last "
               "checkpoint is restored. Compressed changes are unpacked, up to 48 MiB of pages.",
      .run = legacy_merge_checkpoints,
      .unasked = true },
    { .name = "drop-checkpoint",
      .does = "deletes LAST_CHECKPOINT",
      .about = "For readers before 4.1, which do not know it.",
      .run = legacy_drop_checkpoint,
      .unasked = true },
    { .name = "drop-chunk",
      .does = "deletes chunks that the reader does not know",
      .about = "What goes with a chunk is said; without VCPU_INFO or compressed pages an image is "
               "useless, so these stay. A chunk that no release writes is deleted when the place "
               "where the stream goes on is known.",
      .run = legacy_drop_chunk,
      .unasked = true },
    { .name = "drop-xsave",
      .does = "deletes the xcnt block and the xsave states of a PV image",
      .about = "For readers before 4.1, which would take them for something else. Extended CPU "
               "state is lost.",
      .run = legacy_drop_xsave,
      .unasked = true },
    { .name = "drop-entries",
      .does = "takes entries without a page out of the batches",
      .about =
          "For readers that look for a page behind them: BROKEN before 4.3, XALLOC before 4.2. "
          "A frame that is only to be allocated becomes an empty page.",
      .run = legacy_drop_entries,
      .unasked = true },
    { .name = "empty-entries",
      .does = "clears frame numbers of entries without a frame, deletes batches that name none",
      .about =
          "For convert-legacy-stream (4.6 and later): images of 3.x and 4.0 have such entries, "
          "and libxc refuses what becomes of them.",
      .run = legacy_empty_entries,
      .unasked = true },
    { .name = "cut-tail",
      .does = "cuts off what stands behind the last tail",
      .about = "Zeros behind a PV tail are a checkpoint to readers that were not told of "
               "LAST_CHECKPOINT. On a device, which cannot become shorter, a word that no reader "
               "takes for a count is put there for readers before 4.1.",
      .run = legacy_cut_tail,
      .unasked = true },
    { .name = "other-width",
      .does = "says why an image of a 32-bit toolstack is not one for a 64-bit reader",
      .about = "Makes no edit: every frame number of the stream has another width. Xen 4.6 and "
               "later convert it while they restore it.",
      .run = legacy_other_width,
      .unasked = true },
    { .name = NULL },
};
