#include "common/domain/sample.h"

#include "common/base/check.h"

int64_t sample_size(int64_t confidence, int64_t share)
{
    ASSERT(confidence > 0 && confidence < SAMPLE_WHOLE);
    ASSERT(share > 0 && share <= SAMPLE_WHOLE);
    double right = (double)(SAMPLE_WHOLE - share) / (double)SAMPLE_WHOLE;
    double missed_max = (double)(SAMPLE_WHOLE - confidence) / (double)SAMPLE_WHOLE;
    double missed = right;
    int64_t size = 1;
    while (missed > missed_max && size <= SAMPLE_MAX) {
        missed *= right;
        size++;
    }
    return size;
}

int64_t sample_share(int64_t size, int64_t confidence)
{
    ASSERT(size > 0);
    int64_t low = 1;
    int64_t high = SAMPLE_WHOLE + 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sample_size(confidence, middle) <= size)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
