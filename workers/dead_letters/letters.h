/*
 * What the parts of 'parstock dead-letters' share.
 */
#ifndef PARSTOCK_WORKERS_DEAD_LETTERS_LETTERS_H
#define PARSTOCK_WORKERS_DEAD_LETTERS_LETTERS_H

#include "common/codec/event_key.h"
#include "common/codec/letter.h"
#include "common/domain/judge.h"
#include "common/io/kafka_tail.h"
#include "common/io/store_letters.h"
#include "common/runtime/config.h"
#include "common/runtime/login.h"
#include "common/runtime/output.h"

#define LETTERS_NAMED_MAX 100 /* in one command */
#define LETTERS_MAX 100000    /* of which one command keeps anything */
#define LETTERS_FEW 25        /* more are sent again only where that is confirmed */
#define LETTERS_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define LETTERS_TOPIC_MAX 256

struct letters_flags {
    bool all;
    bool stats;
    bool dry_run;
    bool force;
    bool edit;
    const char *reason;
    const char *source;
    const char *sku;
    const char *since;
    const char *until;
    const char *by;
    const char *why;
    const char *confirm;
    const char *value_file;
    struct flag_list set;
    int64_t limit;
    int64_t wait;
};

/* What can be told of the event without judging it; absent: bytes NULL. */
struct letter_facts {
    struct span type;
    struct span source;
    struct span sku; /* as it stands there, or else the record's key */
    struct span location;
    struct span event_id;
};

struct letters_filter {
    struct span reason;
    struct span source;
    struct span sku; /* normalised */
    bool has_since;
    int64_t since_us;
    bool has_until;
    int64_t until_us;
};

/* Places of letters that were sent again, sorted. */
struct letters_retried {
    struct letter_ref *refs;
    size_t count;
    size_t capacity;
};

struct letters {
    const struct config *config;
    const struct letters_flags *flags;
    const struct contract *contract; /* NULL: none was named */
    unsigned sku_steps;
    struct letters_filter filter;
    enum output output;
    struct postgres *postgres; /* NULL: what was sent again is not known */
    char topic[LETTERS_TOPIC_MAX];
    char events_topic[LETTERS_TOPIC_MAX]; /* from which letters come */
    char login[LOGIN_NAME_MAX_BYTES];
    struct event_decoder *decoder;
    struct letters_retried retried;
    struct letter_ref named[LETTERS_NAMED_MAX]; /* by PARTITION:OFFSET */
    size_t named_count;
    struct pool scratch; /* of one letter */
};

/* ---- letters_filter.c --------------------------------------------------------------------- */

/* Flags and words to what is meant. */
enum status letters_filter(struct letters *self, int count, char **words,
                           struct error *error);
bool letters_is_filtered(const struct letters_flags *flags);

/* ---- letters_read.c ------------------------------------------------------------------------- */

/* A letter that fits, while it is read: its bytes are valid during the call. */
struct letters_visitor {
    enum status (*each)(void *self, const struct letter *letter,
                        const struct letter_facts *facts, struct error *error);
    void *self;
};

/* Every letter that is named, or that fits the filter; also those that were sent again, which
 * letters_is_retried tells. STATUS_RETRY (75): not all could be read in time. */
enum status letters_read(struct letters *self, const struct letters_visitor *visitor,
                         struct error *error);

bool letters_is_retried(const struct letters *self, const struct letter *letter);

/* What the code's rule says to do; "" for a code that is not known. */
const char *letters_remedy(struct span code);

/* ---- letters_list.c, letters_show.c, letters_retry.c --------------------------------------- */

enum status letters_list(struct letters *self, struct error *error);
enum status letters_show(struct letters *self, struct error *error);
enum status letters_retry(struct letters *self, struct error *error);

/* What letters have in common in JSON; the object is open. */
void letters_json_members(const struct letters *self, const struct letter *letter,
                          const struct letter_facts *facts, struct buf *out);

/* ---- letters_judge.c ------------------------------------------------------------------------ */

/* A letter as it would come once more. */
struct letters_attempt {
    struct letter letter;
    struct span value; /* to be sent */
    bool is_edited;
    enum reason reason; /* of decoding */
    char detail[EVENT_DETAIL_MAX];
    struct event event; /* unless reason */
    struct event_identity identity;
    bool is_known; /* the ledger has the key */
    int64_t fingerprint;
    bool is_judged;
    struct verdict verdict;
};

/*
 * As apply would judge each now, in this order of its own: decoding, the ledger, readings and
 * level. Without a database only decoding is judged. Texts of events lie in the pool.
 */
enum status letters_judge(struct letters *self, struct letters_attempt *attempts,
                          size_t count, struct pool *pool, struct error *error);

/* "applied", "rejected", ...; "not known" where it could not be judged. */
const char *letters_expected(const struct letters_attempt *attempt);
bool letters_is_refused(const struct letters_attempt *attempt);

/* ---- letters_edit.c ------------------------------------------------------------------------- */

/* What the flags make of the value, into `out`; *edited_out: it is another one. */
enum status letters_edit(struct letters *self, const struct letter *letter,
                         struct buf *out, bool *edited_out, struct error *error);

#endif
