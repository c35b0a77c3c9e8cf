/*
 * What the files of `parstock packet` share: how a packet is made, and how one is checked.
 * Both read the data files by packet_load and draw by packet_draw, so that what is checked is
 * what was made.
 */
#ifndef PARSTOCK_WORKERS_PACKET_PACKET_H
#define PARSTOCK_WORKERS_PACKET_PACKET_H

#include "common/codec/packet_manifest.h"
#include "common/runtime/output.h"
#include "workers/packet/draw.h"

#define PACKET_MANIFEST "manifest.json"

struct packet_flags {
    const char *out;
    bool force;
    bool dry_run;
    bool any_drawing;
};

/* ---- the data ------------------------------------------------------------------------------- */

/* Data files as values; memory of its own. */
struct packet_loaded {
    struct packet_data data;
    struct contract *contract;
    struct pool pool;
    char decision_digest[WEEK_DIGEST_MAX]; /* "" = not decided */
};

void packet_loaded_init(struct packet_loaded *loaded);
void packet_loaded_free(struct packet_loaded *loaded);

/* Reads all data files of the folder but the logs, each strictly. STATUS_REJECT: error.code is
 * the name of the file that is wrong. `loaded` was initialised; the folder must outlive it. */
enum status packet_load(const struct dir_read *folder, struct packet_loaded *loaded,
                        struct error *error);

/* What a manifest of such data says beside its files. Texts are valid as long as `loaded` and
 * this are. */
struct packet_summary {
    struct packet_manifest manifest;
    char week[WEEK_NAME_MAX];
    char drawing[WEEK_DIGEST_MAX];
};
enum status packet_summarize(const struct packet_loaded *loaded,
                             struct packet_summary *summary, struct error *error);

/* The name of how this program draws: the digest of what it draws of a sample. A word that is
 * written otherwise is another drawing, and only the same one can be compared. */
enum status packet_drawing(char hex_out[WEEK_DIGEST_MAX], struct error *error);

/* Up to when things are in a packet with these inputs. */
int64_t packet_as_of(const struct week_inputs *inputs);

/* ---- findings of a check --------------------------------------------------------------------- */

#define PACKET_FINDINGS_MAX 100
#define PACKET_FINDING_TEXT 400

struct packet_finding {
    char file[2 * DIR_NAME_MAX];
    char text[PACKET_FINDING_TEXT];
};

struct packet_findings {
    size_t count; /* all of them; the first PACKET_FINDINGS_MAX are kept */
    struct packet_finding items[PACKET_FINDINGS_MAX];
};

/* One a file: what follows from a change is no second finding. */
void packet_find(struct packet_findings *findings, const char *file, const char *format,
                 ...) __attribute__((format(printf, 3, 4)));
bool packet_found(const struct packet_findings *findings, const char *file);

/* ---- canvases -------------------------------------------------------------------------------- */

/* Writes what is drawn. */
struct packet_maker {
    struct dir_write *dir;
    struct dir_file *files[PACKET_SLOTS];
    enum status status;
    struct error *error;
};
struct packet_canvas packet_maker_canvas(struct packet_maker *maker);

/* Holds what is drawn against what is there. */
struct packet_comparer;
struct packet_comparer *packet_comparer_new(const struct dir_read *folder,
                                            struct packet_findings *findings);
void packet_comparer_free(struct packet_comparer **slot);
struct packet_canvas packet_comparer_canvas(struct packet_comparer *comparer);
/* Was such a file drawn? */
bool packet_comparer_drew(const struct packet_comparer *comparer, struct span name);

/* Draws page and tables from the data files that were closed in `dir`, and writes the manifest,
 * whose digest comes out. */
enum status packet_seal(struct dir_write *dir, char digest_out[WEEK_DIGEST_MAX],
                        struct error *error);

/* ---- the commands ---------------------------------------------------------------------------- */

enum status packet_make(const struct config *config, const struct packet_flags *flags,
                        const char *week, enum output output, struct error *error);
enum status packet_verify(const char *path, const struct packet_flags *flags,
                          enum output output, struct error *error);

#endif
