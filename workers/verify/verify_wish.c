#include "common/base/check.h"
#include "common/domain/sample.h"
#include "workers/verify/verify.h"

#include <stdio.h>

#define DEFAULT_CONFIDENCE "95"
#define DEFAULT_SHARE "1"
#define PERCENT (SAMPLE_WHOLE / 100)

/* "99.5" percent to 995000 millionths: up to four digits behind the point. */
static bool parse_percent(const char *text, int64_t *millionths_out)
{
    struct span number = span_from(text);
    struct span whole = {number.bytes, strcspn(text, ".")};
    int64_t units = 0;
    int64_t part = 0;
    if (!span_to_int64(whole, &units) || units < 0 || units > 100)
        return false;
    int64_t scale = PERCENT / 10;
    for (size_t at = whole.length + 1; at < number.length; at++, scale /= 10) {
        if (number.bytes[at] < '0' || number.bytes[at] > '9' || scale == 0)
            return false;
        part += (number.bytes[at] - '0') * scale;
    }
    *millionths_out = units * PERCENT + part;
    return number.bytes[number.length - 1] != '.';
}

static const char *or_else(const char *text, const char *other)
{
    return text != NULL ? text : other;
}

static enum status read_wish(const struct verify_flags *flags, struct verify_run *run,
                             struct error *error)
{
    if (!parse_percent(or_else(flags->confidence, DEFAULT_CONFIDENCE),
                       &run->confidence) ||
        run->confidence < PERCENT || run->confidence >= SAMPLE_WHOLE)
        return error_usage(error, "--confidence is a percentage from 1 to below 100");
    if (!parse_percent(or_else(flags->share, DEFAULT_SHARE), &run->share) ||
        run->share <= 0)
        return error_usage(error, "--share is a percentage above 0, up to 100");
    if (flags->sample > SAMPLE_MAX)
        return error_usage(error, "--sample is up to 100000");
    if (flags->sample >= 0 && flags->share != NULL)
        return error_usage(error, "either --sample or --share says how many");
    return STATUS_OK;
}

enum status verify_wish(struct verify_job *job, struct error *error)
{
    int64_t asked = job->flags->sample;
    struct verify_run *run = &job->run;
    enum status status = read_wish(job->flags, run, error);
    if (status != STATUS_OK)
        return status;
    run->sample = asked >= 0 ? asked : sample_size(run->confidence, run->share);
    if (run->sample > SAMPLE_MAX)
        return error_usage(error,
                           "more than 100000 pairs would have to be drawn: ask for a "
                           "larger --share or less --confidence");
    if (asked == 0)
        run->share = SAMPLE_WHOLE + 1;
    else if (asked > 0)
        run->share = sample_share(asked, run->confidence);
    return STATUS_OK;
}

static void add_percent(struct buf *out, int64_t millionths)
{
    char digits[24];
    int length =
        snprintf(digits, sizeof digits, "%lld.%04lld", (long long)(millionths / PERCENT),
                 (long long)(millionths % PERCENT));
    while (length > 0 && digits[length - 1] == '0')
        length--;
    if (length > 0 && digits[length - 1] == '.')
        length--;
    buf_add(out, digits, (size_t)length);
}

void verify_wish_text(const struct verify_run *run, struct buf *out)
{
    if (run->share > SAMPLE_WHOLE) {
        buf_text(out, "the sample proves nothing of the pairs that are not in it");
        return;
    }
    add_percent(out, run->confidence);
    buf_text(out, " % sure to notice if ");
    add_percent(out, run->share);
    buf_text(out, " % of a shop's pairs are wrong");
}
