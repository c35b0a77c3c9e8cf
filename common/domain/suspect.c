#include "common/domain/suspect.h"

#include "common/base/check.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define STANDS_STILL (5 * MINUTE)
#define LAG_MANY 10000

/* ---- weights -------------------------------------------------------------------------- */

/* Of a change: did trouble begin soon after it? */
static int weigh_change(const struct trouble_facts *facts, int64_t at_us)
{
    if (at_us == 0 || at_us < facts->since_us)
        return 0;
    if (facts->symptom_at_us == 0)
        return 40;
    if (at_us > facts->symptom_at_us)
        return 25;
    return facts->symptom_at_us - at_us <= HOUR ? 88 : 55;
}

static int weigh_if(bool is_so, int weight)
{
    return is_so ? weight : 0;
}

static bool is_older(const struct trouble_facts *facts, int64_t at_us, int64_t age_us)
{
    return at_us == 0 || facts->now_us - at_us > age_us;
}

/* At least `percent` of a hundred of `whole`, and not a handful. */
static bool is_share(int64_t part, int64_t whole, int64_t percent)
{
    return part >= 10 && part >= whole / 100 * percent;
}

/* ---- the suspects --------------------------------------------------------------------- */

static int database_away(const struct trouble_facts *facts)
{
    return weigh_if(facts->database_away, 100);
}

static int broker_away(const struct trouble_facts *facts)
{
    return weigh_if(facts->broker_away, 99);
}

static int shop_away(const struct trouble_facts *facts)
{
    return weigh_if(facts->shops_away > 0, 98);
}

static int schema_behind(const struct trouble_facts *facts)
{
    return weigh_if(facts->schema_behind > 0 || facts->schema_ahead > 0, 96);
}

static int uninstalled(const struct trouble_facts *facts)
{
    return weigh_if(facts->open[INCIDENT_UNINSTALLED] > 0, 95);
}

static int guard_stands(const struct trouble_facts *facts)
{
    return weigh_if(facts->guard_stops > 0, 93);
}

static int apply_stands(const struct trouble_facts *facts)
{
    return weigh_if(
        facts->unapplied > 0 && is_older(facts, facts->judged_at_us, STANDS_STILL), 92);
}

static int push_stands(const struct trouble_facts *facts)
{
    return weigh_if(facts->dirty > 0 && facts->dirty_since_us != 0 &&
                        is_older(facts, facts->dirty_since_us, STANDS_STILL) &&
                        is_older(facts, facts->written_at_us, STANDS_STILL) &&
                        facts->throttled_shops == 0,
                    91);
}

static int verification_failed(const struct trouble_facts *facts)
{
    return weigh_if(facts->verify_failed, 90);
}

static int contract_changed(const struct trouble_facts *facts)
{
    return weigh_change(facts, facts->contract_at_us);
}

static int schema_changed(const struct trouble_facts *facts)
{
    return weigh_change(facts, facts->schema_at_us);
}

static int feed_imported(const struct trouble_facts *facts)
{
    return weigh_change(facts, facts->import_at_us);
}

static int resynced(const struct trouble_facts *facts)
{
    return weigh_change(facts, facts->resync_at_us);
}

static int catalogue_changed(const struct trouble_facts *facts)
{
    int weight = weigh_change(facts, facts->catalog_at_us);
    return weight > 0 ? weight - 10 : 0; /* most catalogues change nothing */
}

static int contract_not_followed(const struct trouble_facts *facts)
{
    return weigh_if(facts->other_contract, 82);
}

static int webhooks_lost(const struct trouble_facts *facts)
{
    return weigh_if(facts->open[INCIDENT_WEBHOOKS_LOST] > 0, 80);
}

static int untold(const struct trouble_facts *facts)
{
    return weigh_if(facts->untold >= 100, 78);
}

static int writes_refused(const struct trouble_facts *facts)
{
    return weigh_if(is_share(facts->writes_refused, facts->writes, 5) ||
                        facts->open[INCIDENT_PUSH_REFUSED] > 0,
                    is_share(facts->writes_refused, facts->writes, 5) ? 76 : 46);
}

static int writes_unknown(const struct trouble_facts *facts)
{
    return weigh_if(is_share(facts->writes_unknown, facts->writes, 5), 74);
}

static int second_writer(const struct trouble_facts *facts)
{
    return weigh_if(facts->open[INCIDENT_SECOND_WRITER] > 0, 72);
}

static int events_refused(const struct trouble_facts *facts)
{
    if (facts->dead_letters == 0)
        return 0;
    return is_share(facts->rejected, facts->read, 1) ? 85 : 50;
}

static int id_reused(const struct trouble_facts *facts)
{
    return weigh_if(facts->open[INCIDENT_ID_REUSED] > 0, 70);
}

static int apply_behind(const struct trouble_facts *facts)
{
    bool stands = apply_stands(facts) > 0;
    return weigh_if(!stands && facts->unapplied >= LAG_MANY, 68);
}

static int throttled(const struct trouble_facts *facts)
{
    return weigh_if(facts->throttled_shops > 0, 66);
}

static int other_build(const struct trouble_facts *facts)
{
    return weigh_if(facts->other_build, 60);
}

static int not_compared(const struct trouble_facts *facts)
{
    return weigh_if(facts->open[INCIDENT_UNCOMPARED] > 0, 58);
}

static int undelivered(const struct trouble_facts *facts)
{
    return weigh_if(facts->undelivered > 0 || facts->open[INCIDENT_ALERT_UNDELIVERED] > 0,
                    44);
}

static int unknown_causes(const struct trouble_facts *facts)
{
    return weigh_if(facts->findings_unknown > 0 &&
                        facts->findings_unknown * 10 >= facts->findings,
                    42);
}

#define PAGE(name) "docs/runbooks/" name ".md"

const struct suspect_rule SUSPECT_RULES[] = {
    {"database_away", database_away,
     "Postgres does not answer: nothing is applied, pushed or compared",
     "parstock doctor", PAGE("metrics-worker-not-ready")},
    {"broker_away", broker_away,
     "Kafka does not answer: events wait at their producers, and nobody is told",
     "parstock doctor", PAGE("metrics-worker-not-ready")},
    {"shop_away", shop_away, "a shop does not answer, or refuses the token",
     "parstock doctor", PAGE("metrics-worker-not-ready")},
    {"schema_mismatch", schema_behind,
     "program and schema are of different versions: workers wait for the other half of "
     "the release",
     "parstock migrate --dry-run\nparstock migrate", PAGE("metrics-worker-not-ready")},
    {"app_uninstalled", uninstalled, "a shop has thrown the app out",
     "parstock incidents list --class app_uninstalled\nparstock doctor",
     PAGE("app-uninstalled")},
    {"guard_stands", guard_stands,
     "a guard has stopped a mass change: what it holds is not written until a person says "
     "so",
     "parstock incidents list --severity critical\nparstock incidents show ID",
     PAGE("guard-stopped")},
    {"apply_stands", apply_stands,
     "events wait, and none was judged for five minutes: apply is gone, stuck, or waits",
     "parstock doctor\nparstock audit", PAGE("queue_delay")},
    {"push_stands", push_stands,
     "levels wait, and none was written for five minutes: push is gone, stuck, or waits",
     "parstock doctor\nparstock levels -o jsonl", PAGE("queue_delay")},
    {"verification_failed", verification_failed,
     "the newest verification found pairs that nothing explains", "parstock verify show",
     PAGE("external_writer")},
    {"contract_changed", contract_changed,
     "another contract file was first used shortly before",
     "parstock policy lint\nparstock policy explain\nparstock drift run",
     PAGE("policy_changed")},
    {"schema_changed", schema_changed, "the schema was migrated shortly before",
     "parstock audit\nparstock verify post", PAGE("double_apply")},
    {"feed_imported", feed_imported, "a feed was imported shortly before",
     "parstock incidents list --class import_guard\nparstock explain SKU",
     PAGE("import-guard")},
    {"resynced", resynced, "somebody asked for a resync shortly before",
     "parstock drift show --runs\nparstock explain SKU", PAGE("resync-failed")},
    {"catalogue_changed", catalogue_changed,
     "the catalogue was read anew shortly before: SKUs may stand for other items",
     "parstock catalog check", PAGE("identity")},
    {"events_refused", events_refused,
     "events end in the dead letters: their changes are missing",
     "parstock dead-letters list\nparstock doctor", PAGE("metrics-events-rejected")},
    {"contract_not_followed", contract_not_followed,
     "levels follow another contract file than the one in hand: push runs with an old one",
     "parstock drift run\nparstock policy explain", PAGE("policy_changed")},
    {"webhooks_lost", webhooks_lost, "a shop does not tell of all that it should",
     "parstock webhooks check\nparstock webhooks ensure", PAGE("webhooks-lost")},
    {"records_wait", untold,
     "records for subscribers wait: whoever relays them is gone, or the broker was",
     "parstock topics check\nparstock doctor", PAGE("alert-late")},
    {"writes_refused", writes_refused, "the shop refuses levels",
     "parstock incidents list --class push_refused\nparstock catalog check",
     PAGE("push-refused")},
    {"writes_unknown", writes_unknown,
     "many writes had no answer: the shop or the way to it fails now and then",
     "parstock doctor\nparstock drift show --cause lost_write", PAGE("lost_write")},
    {"second_writer", second_writer, "somebody else writes the same levels",
     "parstock incidents list --class second_writer", PAGE("second-writer")},
    {"id_reused", id_reused, "a source gives one id to different events",
     "parstock incidents list --class id_reused", PAGE("id-reused")},
    {"apply_behind", apply_behind, "events come faster than they are judged",
     "parstock doctor", PAGE("queue_delay")},
    {"throttled", throttled, "the shop's cost bucket is used up", "parstock doctor",
     PAGE("throttled")},
    {"other_build", other_build,
     "this is another build than the one that was verified last",
     "parstock verify list\nparstock verify post", PAGE("drift")},
    {"not_compared", not_compared,
     "a shop was not compared as it should have been: what is wrong there is not known",
     "parstock drift show --runs\nparstock drift run", PAGE("comparison-missed")},
    {"alerts_undelivered", undelivered, "people were not told",
     "parstock incidents list --class alert_undelivered", PAGE("alert-undelivered")},
    {"unknown_causes", unknown_causes,
     "a tenth of the differences or more have no cause that a test knows",
     "parstock drift show --cause unknown", PAGE("unknown")},
};

const size_t SUSPECT_RULES_COUNT = COUNT_OF(SUSPECT_RULES);

/* After those that weigh as much. */
static void insert(struct suspects *suspects, struct suspect suspect)
{
    size_t at = suspects->count++;
    for (; at > 0 && suspects->all[at - 1].weight < suspect.weight; at--)
        suspects->all[at] = suspects->all[at - 1];
    suspects->all[at] = suspect;
}

struct suspects suspects_rank(const struct trouble_facts *facts)
{
    struct suspects suspects = {0};
    ASSERT(SUSPECT_RULES_COUNT <= SUSPECTS_MAX);
    for (size_t at = 0; at < SUSPECT_RULES_COUNT; at++) {
        int weight = SUSPECT_RULES[at].weigh(facts);
        ASSERT(weight >= 0 && weight <= 100);
        if (weight > 0)
            insert(&suspects, (struct suspect){&SUSPECT_RULES[at], weight});
    }
    return suspects;
}
