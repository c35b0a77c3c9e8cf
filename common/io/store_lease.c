#include "common/base/scope.h"
#include "common/io/store_push.h"

static const struct statement TAKE_LEASE = {
    "lease_take",
    "INSERT INTO shop_leases AS held (shop, owner, epoch, expires_at)"
    " VALUES ($1, $2, 1, now() + $3 * interval '1 ms')"
    " ON CONFLICT (shop) DO UPDATE SET owner = excluded.owner, epoch = held.epoch + 1,"
    " expires_at = excluded.expires_at"
    " WHERE held.expires_at < now() OR held.owner = excluded.owner"
    " RETURNING epoch"};

static const struct statement RENEW_LEASE = {
    "lease_renew", "UPDATE shop_leases SET expires_at = now() + $4 * interval '1 ms'"
                   " WHERE shop = $1 AND owner = $2 AND epoch = $3"};

static const struct statement RELEASE_LEASE = {
    "lease_release", "UPDATE shop_leases SET expires_at = now() - interval '1 ms'"
                     " WHERE shop = $1 AND owner = $2 AND epoch = $3"};

enum status store_lease_take(struct postgres *postgres, struct push_lease *lease,
                             bool *taken_out, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, lease->shop);
    pg_params_text(&params, lease->owner);
    pg_params_int8(&params, lease->length_ms);
    enum status status = postgres_query(postgres, &TAKE_LEASE, &params, &rows, error);
    if (status != STATUS_OK)
        return status;
    *taken_out = rows.count == 1;
    if (*taken_out)
        lease->epoch = rows_int(&rows, 0, 0);
    return STATUS_OK;
}

static enum status touch(struct postgres *postgres, const struct statement *statement,
                         const struct push_lease *lease, bool with_length,
                         int64_t *touched, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, lease->shop);
    pg_params_text(&params, lease->owner);
    pg_params_int8(&params, lease->epoch);
    if (with_length)
        pg_params_int8(&params, lease->length_ms);
    enum status status = postgres_query(postgres, statement, &params, &rows, error);
    *touched = rows.affected;
    return status;
}

enum status store_lease_renew(struct postgres *postgres, const struct push_lease *lease,
                              enum store_result *result_out, struct error *error)
{
    int64_t touched = 0;
    enum status status = touch(postgres, &RENEW_LEASE, lease, true, &touched, error);
    *result_out = touched == 1 ? STORE_DONE : STORE_LEASE_LOST;
    return status;
}

enum status store_lease_release(struct postgres *postgres, const struct push_lease *lease,
                                struct error *error)
{
    int64_t touched = 0;
    return touch(postgres, &RELEASE_LEASE, lease, false, &touched, error);
}
