"""What a schema cannot say of the alert routes of a contract file."""

import re

from reference_judge import plain_http_beyond_loopback


def variable(name):
    return re.sub("[^A-Z0-9]", "_", re.sub("[a-z]", lambda m: m[0].upper(), name))


def alert_problem(contract):
    alerts = contract.get("alerts", [])
    shops = {shop["name"] for shop in contract.get("shops", [])}
    names = [variable(alert["name"]) for alert in alerts]
    if len(set(names)) != len(names):
        return "two routes share a name or a variable"
    if any(set(alert.get("shops", [])) - shops for alert in alerts):
        return "a shop that is not in the contract"
    if any(plain_http_beyond_loopback(a["url"]) for a in alerts if "url" in a):
        return "plain http beyond loopback"
    return None
