"""Storms, and receivers that are away: what is said then, and that nothing is lost."""

import re
import time

import pytest

from tests.doubles.receivers import PagerDuty, PickyManager, Slack, Webhook
from tests.harness.alertmanager import Alertmanager
from tests.harness.waiting import wait_until
from tests.scenarios.notify_world import KEY, SECRET, NotifyWorld
from tests.scenarios.test_notify import firing

WIDE = {"max_messages": 0}


@pytest.fixture
def make(postgres, kafka, request):
    opened: list[NotifyWorld] = []

    def world(alerts: list[dict], **settings: str) -> NotifyWorld:
        schema = "storm_" + request.node.name.split("[")[0][5:40]
        opened.append(NotifyWorld(postgres, kafka, schema, alerts, **settings))
        return opened[-1].__enter__()

    yield world
    for one in opened:
        one.__exit__()


def skus(letter: str, count: int) -> list[str]:
    return [f"{letter}{n:03}" for n in range(count)]


def told(world: NotifyWorld, route: str, how: str, action: str = "trigger") -> set[str]:
    rows = world.db.execute("SELECT incident_id FROM alert_log WHERE route = %s AND how = %s AND action = %s "
                            "AND incident_id LIKE 'inc-%%'", [route, how, action]).fetchall()  # fmt: skip
    assert len(set(rows)) == len(rows)
    return {row[0] for row in rows}


def test_a_storm_is_told_as_one(make):
    throttle = {"max_messages": 5, "window_seconds": 4}
    with Slack() as slack, PagerDuty(KEY) as pagerduty:
        world = make([{"name": "team", "kind": "slack", "throttle": throttle},
                      {"name": "on-call", "kind": "pagerduty", "throttle": throttle}],
                     PARSTOCK_ALERT_TEAM_URL=slack.url, PARSTOCK_ALERT_ON_CALL_URL=pagerduty.url,
                     PARSTOCK_ALERT_ON_CALL_SECRET=KEY)  # fmt: skip
        world.drift(*skus("S", 120))
        ids = set(world.ids().values())
        world.notify().start(wait_ready=True)
        world.wait_rest()
        for route in ("team", "on-call"):
            single, summed = told(world, route, "single"), told(world, route, "summary")
            assert single | summed == ids and not single & summed and len(single) >= 5
        summaries = [m for m in pagerduty.taken if m["dedup_key"].startswith("sum-")]
        assert sum(int(m["payload"]["custom_details"]["root_cause"].split()[0]) for m in summaries) == len(
            told(world, "on-call", "summary"))  # fmt: skip
        words = summaries[0]["payload"]["custom_details"]
        assert "drift; first inc-" in words["root_cause"] and words["class"] == "alert_summary"
        listed = re.search(r"parstock (incidents list .*)$", words["remediation"])[1]
        listing = world.run(*listed.split(), "-o", "jsonl")
        assert all(f'"incident_id":"{one}"' in listing for one in told(world, "on-call", "summary"))
        assert len(slack.taken) <= len(told(world, "team", "single")) + 4

        # All over: each that was told by itself ends by itself at PagerDuty, and the summaries end.
        world.run("incidents", "resolve", "--class", "drift")
        wait_until(lambda: {m["dedup_key"] for m in pagerduty.taken if m["event_action"] == "resolve"}
                   >= told(world, "on-call", "single") | {m["dedup_key"] for m in summaries},
                   "PagerDuty to hear of every end", 120)  # fmt: skip
        world.wait_rest()
        by_key: dict[str, list[str]] = {}
        for message in pagerduty.taken:
            by_key.setdefault(message["dedup_key"], []).append(message["event_action"])
        assert set(map(tuple, by_key.values())) == {("trigger", "resolve")}
        assert not slack.refused + pagerduty.refused
        world.check_once()


def test_a_silent_route_holds_up_no_other(make):
    with Slack() as slack, Webhook(SECRET) as hook:
        world = make([{"name": "team", "kind": "slack"}, {"name": "own", "kind": "webhook", "url": hook.url, "throttle": WIDE}],
                     PARSTOCK_ALERT_TEAM_URL=slack.url, PARSTOCK_ALERT_OWN_SECRET=SECRET)  # fmt: skip
        slack.hang()
        worker = world.notify().start(wait_ready=True)
        world.drift(*skus("S", 30))
        wait_until(lambda: slack.tries > 0 and len(hook.taken) == 30, "the others to be told while one is silent")
        assert slack.taken == []
        slack.answer(0)
        world.wait_rest()
        assert len(slack.taken) >= 20
        world.check_once()
        assert worker.terminate() == 0


def test_what_can_not_be_delivered_is_reported_and_told_later(make):
    with Slack() as slack, Webhook(SECRET) as hook:
        world = make(
            [{"name": "team", "kind": "slack", "give_up_seconds": 2, "throttle": {"max_messages": 5, "window_seconds": 1}},
             {"name": "own", "kind": "webhook", "url": hook.url, "throttle": WIDE}],
            PARSTOCK_ALERT_TEAM_URL=slack.url, PARSTOCK_ALERT_OWN_SECRET=SECRET)  # fmt: skip
        slack.answer(403)
        worker = world.notify().start(wait_ready=True)
        world.drift("A", "B", "C")
        ids = set(world.ids().values())
        wait_until(lambda: world.incidents("alert_undelivered"), "the silence to be reported", 90)
        wait_until(lambda: told(world, "team", "undelivered") == ids, "all three to be given up", 90)
        (incident,) = world.incidents("alert_undelivered")
        assert incident["handoff"] == "observability" and incident["evidence"]["route"] == "team"
        assert incident["evidence"]["answer"].startswith("HTTP 403")
        # Others are told of it, the silent one is not.
        wait_until(lambda: incident["incident_id"] in {m["subject"] for m in hook.taken}, "the other route to hear")
        assert not world.count(f"alerts WHERE route = 'team' AND incident_id = '{incident['incident_id']}'")
        assert "secret-of-slack" not in worker.child.text("err")
        slack.answer(0)
        wait_until(lambda: world.incidents("alert_undelivered")[0]["state"] == "resolved", "the route to be good again", 120)
        world.wait_rest()
        counts = [re.search(r"Found: (\d+) incidents?: \1 drift", str(m)) for m in slack.taken]
        assert sum(int(found[1]) for found in counts if found) == 3
        assert told(world, "team", "summary") == ids
        assert world.incidents("alert_undelivered")[0]["evidence"]["ended"] == "the route takes alerts again"
        metrics = worker.get("/metrics")[1]
        assert 'parstock_notify_alerts_total{route="team",outcome="undelivered"} 3' in metrics


def test_a_late_alert_is_an_incident_of_its_route(make):
    with Webhook(SECRET) as hook:
        world = make([{"name": "own", "kind": "webhook", "url": hook.url, "late_seconds": 1}],
                     PARSTOCK_ALERT_OWN_SECRET=SECRET)  # fmt: skip
        world.notify().start(wait_ready=True)
        hook.answer(503)
        world.drift("A")
        wait_until(lambda: hook.tries >= 3, "a few tries in vain")  # 0.5 s and 1 s of waiting, and more
        hook.answer(0)
        wait_until(lambda: world.incidents("alert_late"), "the delay to be reported", 60)
        (late,) = world.incidents("alert_late")
        assert late["handoff"] == "observability" and late["evidence"]["incident"] == world.ids()["A"]
        world.wait_rest()
        shown = world.run("incidents", "show", world.ids()["A"])
        assert "own" in shown and "late" in shown
        assert world.incidents("alert_late", "open") != [], "what told of lateness does not end it"
        world.drift("B")
        wait_until(lambda: not world.incidents("alert_late", "open"), "an alert in time to end it", 60)


def test_patience_is_kept_when_it_is_asked_for(make):
    with Webhook(SECRET) as hook:
        world = make([{"name": "own", "kind": "webhook", "url": hook.url}], PARSTOCK_ALERT_OWN_SECRET=SECRET)
        world.notify().start(wait_ready=True)
        hook.answer(429, retry_after=3600)
        world.drift("A")
        wait_until(lambda: hook.tries == 1, "the first try")
        wait_until(lambda: world.count("alert_routes WHERE retry_at > clock_timestamp() + interval '3500 s'"), "its wait")
        assert hook.tries == 1


def test_alertmanager_away_and_back(make, run_dir):
    """It forgets everything when it dies: what is open is sent again."""
    with Alertmanager(run_dir) as manager:
        world = make([{"name": "am", "kind": "alertmanager", "url": manager.url, "resend_seconds": 2}])
        world.notify().start(wait_ready=True)
        world.drift(*skus("A", 300))
        world.wait_rest()
        manager.kill()
        world.drift(*skus("B", 300))
        over = [world.ids()[sku] for sku in skus("A", 50)]
        world.run("incidents", "resolve", *over)
        time.sleep(1)
        manager.start()
        wanted = {incident for incident in world.ids().values() if incident not in over}
        wait_until(lambda: set(firing(manager)) == wanted, "exactly what is open to fire", 120)
        world.check_once()
        assert told(world, "am", "single") == set(world.ids().values())


def test_one_bad_alert_holds_up_no_other(make):
    with PickyManager("BAD") as manager:
        world = make([{"name": "am", "kind": "alertmanager", "url": manager.url, "resend_seconds": 3600}])
        world.drift(*skus("G", 20), "BAD", *skus("H", 20))
        world.notify().start(wait_ready=True)
        world.wait_rest()
        taken = {alert["labels"]["sku"] for batch in manager.taken for alert in batch}
        assert taken == {*skus("G", 20), *skus("H", 20)}
        assert told(world, "am", "refused") == {world.ids()["BAD"]}
        (incident,) = world.incidents("alert_undelivered")
        assert incident["evidence"]["incident"] == world.ids()["BAD"]
