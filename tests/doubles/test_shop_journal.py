"""The journal over HTTP: what is written, and what the check makes of a good and of a
careless caller."""

import http.client
import subprocess
import sys
import threading

import pytest

from shop_client import ShopClient, document
from shop_process import ROOT, running


def test_call_effect_and_answer_are_written_in_order(shop):
    shop.set([shop.pair("A", 8, 5)], key="k")
    lines = shop.since_reset()[-3:]
    assert [line["kind"] for line in lines] == ["call", "applied", "ended"]
    call, applied, ended = lines
    pair = shop.items["A"].rsplit("/", 1)[1] + "@501"
    assert (call["key"], call["pairs"], len(call["body_sha"])) == ("k", [pair], 64)
    assert applied["changes"] == [{"pair": pair, "available": [5, 8], "on_hand": [7, 10]}]
    assert (ended["how"], ended["verdict"]) == ("answered", "applied")


def test_sequence_rises_by_one(shop):
    shop.set([shop.pair("A", 8, 5)])
    numbers = [line["seq"] for line in shop.journal()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [line["seq"] for line in shop.journal(after=numbers[-2])] == numbers[-1:]


def test_orders_move_units_and_are_written(shop):
    shop.control(
        "order", {"id": "o1", "lines": [{"sku": "A", "location": "main", "quantity": 2}]}
    )
    level = shop.level("A")
    assert (level["available"], level["committed"], level["on_hand"]) == (3, 4, 7)
    shop.control(
        "order",
        {"action": "fulfil", "lines": [{"sku": "A", "location": "main", "quantity": 3}]},
    )
    shop.control(
        "order",
        {"action": "cancel", "lines": [{"sku": "A", "location": "main", "quantity": 1}]},
    )
    level = shop.level("A")
    assert (level["available"], level["committed"], level["on_hand"]) == (4, 0, 4)
    assert [line["action"] for line in shop.since_reset() if line["kind"] == "order"] == [
        "place",
        "fulfil",
        "cancel",
    ]


def test_edit_sets_by_hand(shop):
    shop.control(
        "edit", {"item": shop.items["A"], "location": 501, "damaged": 3, "available": 1}
    )
    level = shop.level("A")
    assert (level["available"], level["damaged"], level["on_hand"]) == (1, 3, 6)
    assert shop.since_reset()[-1]["kind"] == "edit"


def write_until_known(client, pairs, key):
    """A caller that does it right: the same key and bytes until there is a verdict."""
    variables = client.set_variables(pairs, key)
    while True:
        try:
            status, _ = client.post(document("set_quantities"), variables)
        except (OSError, http.client.HTTPException):
            continue
        if status == 200:
            return


def test_dropped_calls_of_a_careful_caller_pass_the_check(shop):
    shop.load({f"S{n}": {"main": {"available": 0}} for n in range(40)})
    shop.control("config", {"maximum_available": 1e9})
    shop.control(
        "faults",
        {
            "seed": 3,
            "rules": [
                {"fault": "drop_after_apply", "probability": 0.3},
                {"fault": "drop_before_apply", "probability": 0.1},
                {"fault": "truncated", "probability": 0.1},
            ],
        },
    )

    def work(thread: int) -> None:
        client = ShopClient(f"http://{shop.host}")
        client.items = shop.items
        own = [f"S{n}" for n in range(40) if n % 4 == thread]
        for turn in range(1, 6):
            write_until_known(
                client,
                [client.pair(sku, turn, turn - 1) for sku in own],
                f"{thread}-{turn}",
            )
        client.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = shop.check()
    assert report["ok"], report["violations"]
    assert report["counts"]["applied"] == 20 and report["counts"]["fault"] > 0
    assert all(
        level["available"] == 5 for level in shop.levels() if level["sku"].startswith("S")
    )


def test_new_key_after_a_drop_fails_the_check(shop):
    shop.control("faults", {"next": [{"fault": "drop_after_apply"}]})
    with pytest.raises((OSError, http.client.HTTPException)):
        shop.set([shop.pair("A", 8, None)], key="first")
    shop.set([shop.pair("A", 9, None)], key="second")
    assert [v["kind"] for v in shop.check()["violations"]] == ["unresolved_outcome"]


@pytest.mark.parametrize("query", ["read_levels", "read_pairs"])
def test_reading_back_after_a_drop_passes_the_check(shop, query):
    shop.control("faults", {"next": [{"fault": "drop_after_apply"}]})
    with pytest.raises((OSError, http.client.HTTPException)):
        shop.set([shop.pair("A", 8, None)], key="first")
    ids = [shop.items["A"] if query == "read_levels" else shop.level("A")["level"]]
    shop.graphql(
        document(query), {"ids": ids, "locationId": "gid://shopify/Location/501"}
    )
    shop.set([shop.pair("A", 9, 8)], key="second")
    assert shop.check()["ok"]


def test_check_agrees_with_the_state(shop):
    shop.set([shop.pair("A", 8, 5), shop.pair("B", 1, 3)])
    final = shop.check()["final"]
    for level in shop.levels():
        assert final[level["pair"]] == {
            "available": level["available"],
            "on_hand": level["on_hand"],
        }


def test_stop_and_start_keep_shop_and_keys(tmp_path):
    with running(tmp_path) as url:
        client = ShopClient(url)
        client.load({"A": {"main": {"available": 5}}, "B": {"main": {"available": 1}}})
        client.set([client.pair("A", 8, 5)], key="k")
        client.close()
    with running(tmp_path) as url:
        again = ShopClient(url)
        again.items = client.items
        assert again.level("A")["available"] == 8
        again.control("edit", {"sku": "A", "location": "main", "available": 2})
        assert again.codes(again.set([again.pair("A", 8, 5)], key="k")) == []
        assert again.level("A")["available"] == 2
        report = again.check()
        assert (
            report["ok"]
            and report["counts"]["applied"] == 1
            and report["counts"]["replayed"] == 1
        )
        again.close()


def test_kill_leaves_a_readable_journal_and_an_empty_shop(tmp_path):
    command = [sys.executable, "-m", "tests.doubles.shop", "--state-dir", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        client = ShopClient(child.stdout.readline().strip().removeprefix("listening="))
        client.load({"A": {"main": {"available": 5}}})
        client.close()
        child.kill()
    with running(tmp_path) as url:
        again = ShopClient(url)
        assert again.levels() == []
        assert [line["kind"] for line in again.journal()] == [
            "started",
            "catalog",
            "started",
        ]
        assert again.check()["ok"]
        again.close()


def start(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tests.doubles.shop", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_bad_config_file_is_explained(tmp_path):
    config = tmp_path / "config.json"
    config.write_text('{"colour": 1}')
    result = start("--state-dir", str(tmp_path), "--config", str(config))
    assert result.returncode == 78 and "unknown setting colour" in result.stderr


def test_port_that_is_taken_is_explained(tmp_path, process):
    result = start(
        "--state-dir", str(tmp_path), "--listen", process.removeprefix("http://")
    )
    assert result.returncode == 69 and "can not listen" in result.stderr


APPLIED = '{"seq":%d,"kind":"applied","call":%d,"key":"a","changes":[]}\n'


@pytest.mark.parametrize(
    "text, code",
    [(APPLIED % (1, 1), 0), (APPLIED % (1, 1) + APPLIED % (2, 2), 1)],
    ids=["lawful", "applied twice"],
)
def test_check_as_a_command(tmp_path, text, code):
    journal = tmp_path / "journal.jsonl"
    journal.write_text(text)
    result = subprocess.run(
        [sys.executable, "-m", "tests.doubles.shop.journal_check", str(journal)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert result.returncode == code, result.stderr
    assert ("key_applied_twice" in result.stdout) is (code == 1)
