"""The private PostgreSQL cluster."""

import socket

import psycopg
import pytest

from tests.harness.postgres import Postgres


@pytest.fixture
def server(run_dir):
    with Postgres(run_dir) as running:
        yield running


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("immediate", [False, True])
def test_committed_rows_survive_a_restart(server, immediate):
    dsn = server.dsn
    with server.connect() as session:
        session.execute("CREATE TABLE kept (n int)")
        session.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
    server.restart(immediate=immediate)
    assert server.dsn == dsn
    with server.connect() as session:
        assert session.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_is_durable_and_on_loopback_only(server):
    with server.connect() as session:
        assert session.execute("SHOW fsync").fetchone() == ("on",)
        assert session.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert session.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert session.execute("SHOW server_version_num").fetchone()[0].startswith("15")


def test_stop_leaves_nobody_listening(server):
    assert accepts(server.port)
    server.stop()
    assert not server.running
    assert not accepts(server.port)
    with pytest.raises(psycopg.OperationalError):
        server.connect()


def test_two_clusters_do_not_meet(server, run_dir):
    with Postgres(run_dir, "second") as second:
        with second.connect() as session:
            session.execute("CREATE TABLE only_here ()")
        with server.connect() as session:
            assert session.execute("SELECT to_regclass('only_here')").fetchone() == (None,)
