"""notify against receivers that refuse what the real ones refuse, and a real Alertmanager."""

import json

import pytest

from tests.doubles.receivers import PagerDuty, Slack, Webhook
from tests.harness.alertmanager import Alertmanager
from tests.harness.waiting import wait_until
from tests.scenarios.notify_world import KEY, SECRET, NotifyWorld

WIDE = {"max_messages": 0}


@pytest.fixture
def make(postgres, kafka, request):
    opened: list[NotifyWorld] = []

    def world(alerts: list[dict], **settings: str) -> NotifyWorld:
        schema = "notify_" + request.node.name.split("[")[0][5:40]
        opened.append(NotifyWorld(postgres, kafka, schema, alerts, **settings))
        return opened[-1].__enter__()

    yield world
    for one in opened:
        one.__exit__()


def firing(alertmanager: Alertmanager) -> dict[str, dict]:
    alerts = alertmanager.alerts()
    found = {alert["labels"]["incident_id"]: alert for alert in alerts}
    assert len(found) == len(alerts), "an incident fires twice"
    return found


def test_one_incident_from_its_opening_to_its_end(make, run_dir):
    with Slack() as slack, PagerDuty(KEY) as pagerduty, Webhook(SECRET) as hook, Alertmanager(run_dir) as manager:
        world = make(
            [{"name": "team", "kind": "slack", "throttle": WIDE}, {"name": "on-call", "kind": "pagerduty"},
             {"name": "own", "kind": "webhook", "url": hook.url}, {"name": "am", "kind": "alertmanager", "url": manager.url}],
            PARSTOCK_ALERT_TEAM_URL=slack.url, PARSTOCK_ALERT_ON_CALL_URL=pagerduty.url,
            PARSTOCK_ALERT_ON_CALL_SECRET=KEY, PARSTOCK_ALERT_OWN_SECRET=SECRET)  # fmt: skip
        worker = world.notify().start(wait_ready=True)
        world.drift("CUP<&>")
        (incident,) = world.ids().values()
        wait_until(lambda: firing(manager).get(incident), "the alert to fire")
        alert = firing(manager)[incident]
        assert alert["labels"] == {"alertname": "ParstockIncident", "service": "parstock", "severity": "warning",
                                   "class": "drift", "incident_id": incident, "shop": "demo", "sku": "CUP<&>",
                                   "location": "BER"}  # fmt: skip
        assert alert["annotations"]["runbook_url"] == "docs/runbooks/drift.md"
        world.wait_rest()
        world.run("incidents", "ack", incident, "--actor", "ann")
        world.drift("CUP<&>")  # seen again: nothing is said
        world.wait_rest()
        world.run("incidents", "resolve", incident, "--note", "counted")
        wait_until(lambda: not firing(manager), "the alert to end")
        world.wait_rest()
        assert [m["event_action"] for m in pagerduty.taken] == ["trigger", "acknowledge", "resolve"]
        assert {m["dedup_key"] for m in pagerduty.taken} == {incident}
        assert [m["data"]["action"] for m in hook.taken] == ["trigger", "acknowledge", "resolve"]
        assert [m["id"] for m in hook.taken] == [f"{incident}/{n}" for n in ("1/trigger", "2/acknowledge", "3/resolve")]
        assert [m["text"] for m in slack.taken] == [
            "WARNING drift CUP&lt;&amp;&gt; at demo, BER", "acknowledged: WARNING drift CUP&lt;&amp;&gt; at demo, BER",
            "resolved: WARNING drift CUP&lt;&amp;&gt; at demo, BER"]  # fmt: skip
        assert "counted" in json.dumps(slack.taken[2])
        assert not slack.refused + pagerduty.refused + hook.refused

        # Armed again: what comes back is told again.
        world.drift("CUP<&>")
        wait_until(lambda: firing(manager).get(incident), "the alert to fire again")
        world.wait_rest()
        assert [m["event_action"] for m in pagerduty.taken] == ["trigger", "acknowledge", "resolve", "trigger"]
        assert slack.taken[-1]["text"].startswith("again: WARNING drift")
        world.check_once()
        said = worker.child.text("err")
        assert KEY not in said and SECRET not in said and "secret-of-slack" not in said
        metrics = worker.get("/metrics")[1]
        assert 'parstock_notify_alerts_total{route="team",outcome="delivered"} 4' in metrics
        assert KEY not in metrics
        assert worker.terminate() == 0


def test_routes_carry_what_they_name(make):
    with Webhook(SECRET) as all_, Webhook(SECRET) as none, Webhook(SECRET) as classes:
        world = make([
            {"name": "all", "kind": "webhook", "url": all_.url},
            {"name": "grave", "kind": "webhook", "url": none.url, "severity": ["critical"]},
            {"name": "others", "kind": "webhook", "url": none.url, "causes": ["oversold"]},
            {"name": "drift", "kind": "webhook", "url": classes.url, "classes": ["drift"], "shops": ["demo"]},
        ], **{f"PARSTOCK_ALERT_{n}_SECRET": SECRET for n in ("ALL", "GRAVE", "OTHERS", "DRIFT")})  # fmt: skip
        world.notify().start(wait_ready=True)
        world.drift("A", "B")
        world.wait_rest()
        assert len(all_.taken) == len(classes.taken) == 2 and none.taken == []


def test_killed_at_random_it_says_everything(make, run_dir):
    """Between an answer and its commit a message may be said again, under the same id."""
    with Webhook(SECRET) as hook, Alertmanager(run_dir) as manager:
        world = make([{"name": "own", "kind": "webhook", "url": hook.url, "throttle": WIDE},
                      {"name": "am", "kind": "alertmanager", "url": manager.url}],
                     PARSTOCK_ALERT_OWN_SECRET=SECRET)  # fmt: skip
        for round_ in range(4):
            worker = world.notify().start(wait_ready=True)
            world.drift(*[f"R{round_}-{n}" for n in range(40)])
            wait_until(lambda: len(hook.taken) >= 12 + 40 * round_, "some to be told")
            worker.kill()
        world.notify().start()
        world.wait_rest()
        ids = set(world.ids().values())
        assert {m["subject"] for m in hook.taken} == ids == set(firing(manager))
        assert len({m["id"] for m in hook.taken}) == 160 <= len(hook.taken) <= 164
        world.check_once()


def test_two_processes_share_the_work(make):
    with Webhook(SECRET) as hook:
        world = make([{"name": "own", "kind": "webhook", "url": hook.url, "throttle": WIDE}],
                     PARSTOCK_ALERT_OWN_SECRET=SECRET)  # fmt: skip
        world.notify().start(wait_ready=True)
        world.notify().start(wait_ready=True)
        world.drift(*[f"S{n}" for n in range(60)])
        world.wait_rest()
        assert sorted(m["subject"] for m in hook.taken) == sorted(world.ids().values())
        world.check_once()


def test_what_was_open_is_told_at_the_first_start_and_what_is_over_is_not(make):
    with Webhook(SECRET) as hook:
        world = make([{"name": "own", "kind": "webhook", "url": hook.url}], PARSTOCK_ALERT_OWN_SECRET=SECRET)
        world.drift("OPEN", "OVER")
        world.run("incidents", "resolve", world.ids()["OVER"])
        world.notify().start(wait_ready=True)
        wait_until(lambda: hook.taken, "the open one to be told")
        world.drift("NEXT")
        wait_until(lambda: len(hook.taken) > 1, "the next one to be told")
        assert [m["data"]["incident"]["sku"] for m in hook.taken] == ["OPEN", "NEXT"]
        assert world.incidents("alert_late") == []


def test_wrong_settings_are_named(make):
    world = make([{"name": "on-call", "kind": "pagerduty"}])
    assert "PARSTOCK_ALERT_ON_CALL_SECRET" in world.run("notify", code=78)
    world = make([{"name": "team", "kind": "slack"}])
    assert "PARSTOCK_ALERT_TEAM_URL" in world.run("notify", code=78)
    said = world.run("notify", code=78, PARSTOCK_ALERT_TEAM_URL="http://hooks.example/services/hidden")
    assert "https" in said and "hidden" not in said
    world.run("notify", "tset", "team", code=64)
    assert "it has: team" in world.run("notify", "test", "other", code=64)


def test_a_route_is_tried(make):
    with Slack() as slack, Webhook("another") as hook:
        world = make([{"name": "team", "kind": "slack"}, {"name": "own", "kind": "webhook", "url": hook.url}],
                     PARSTOCK_ALERT_TEAM_URL=slack.url, PARSTOCK_ALERT_OWN_SECRET=SECRET)  # fmt: skip
        assert "taken: HTTP 200" in world.run("notify", "test", "team")
        assert [m["text"].split()[0] for m in slack.taken] == ["INFO", "resolved:"]
        assert "signature" in world.run("notify", "test", "own", code=1)
        slack.answer(503)
        world.run("notify", "test", "team", code=69)
