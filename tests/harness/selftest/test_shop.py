"""The shop double as the harness runs it."""

import urllib.error
import urllib.request

import pytest

from tests.harness.paths import ROOT
from tests.harness.shop import Shop

pytestmark = pytest.mark.skipif(
    not (ROOT / "tests/doubles/shop/__main__.py").exists(), reason="tests/doubles/shop is absent"
)


def answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def test_keeps_its_address_over_a_kill(run_dir):
    with Shop(run_dir) as shop:
        url = shop.url
        assert answers(url)
        shop.kill()
        assert not answers(url)
        shop.start()
        assert shop.url == url
        assert answers(url)
    assert not answers(url)
