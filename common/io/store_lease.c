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
    "lease_renew", "UPDATE shop_leases SET expires_at ="
                   " greatest(expires_at, now() + $4 * interval '1 ms')"
                   " WHERE shop = $1 AND owner = $2 AND epoch = $3"};

static const struct statement RELEASE_LEASE = {
    "lease_release", "UPDATE shop_leases SET expires_at = now() - interval '1 ms'"
                     " WHERE shop = $1 AND owner = $2 AND epoch = $3"};

static const struct statement THROTTLED = {
    "lease_throttled", "UPDATE shop_leases SET throttled_at = now()"
                       " WHERE shop = $1 AND owner = $2 AND epoch = $3"};

enum status store_lease_take(struct postgres *postgres, struct push_lease *lease,
                             struct error *error)
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
    lease->lost = rows.count != 1;
    if (!lease->lost)
        lease->epoch = rows_int(&rows, 0, 0);
    return STATUS_OK;
}

static enum status touch(struct postgres *postgres, const struct statement *statement,
                         struct push_lease *lease, struct error *error)
{
    SCOPED(pg_params_free) struct pg_params params;
    SCOPED(rows_release) struct rows rows = {0};
    pg_params_init(&params);
    pg_params_text(&params, lease->shop);
    pg_params_text(&params, lease->owner);
    pg_params_int8(&params, lease->epoch);
    if (statement == &RENEW_LEASE)
        pg_params_int8(&params, lease->length_ms);
    enum status status = postgres_query(postgres, statement, &params, &rows, error);
    if (status == STATUS_OK)
        lease->lost = rows.affected != 1;
    return status;
}

enum status store_lease_renew(struct postgres *postgres, struct push_lease *lease,
                              struct error *error)
{
    return touch(postgres, &RENEW_LEASE, lease, error);
}

enum status store_lease_release(struct postgres *postgres, struct push_lease *lease,
                                struct error *error)
{
    return touch(postgres, &RELEASE_LEASE, lease, error);
}

enum status store_lease_throttled(struct postgres *postgres, struct push_lease *lease,
                                  struct error *error)
{
    return touch(postgres, &THROTTLED, lease, error);
}
