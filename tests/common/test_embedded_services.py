"""The embedded services in earnest: real PostgreSQL and Valkey, real kills."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
from kombu import Connection
from redis import Redis

from core.common.embedded import binaries, privileges
from core.common.embedded.directories import private_directory
from core.common.embedded.errors import AlreadyRunning, EmbeddedServicesError
from core.common.embedded.locations import celery_broker_url, database_url, redis_url, socket_directory
from core.common.embedded.processes import Child, ProcessSpec, process_identity, ticks
from core.common.embedded.services import EmbeddedServices, embedded_services
from core.common.embedded.supervisor import MOST_QUICK_DEATHS, Supervisor

REPOSITORY = Path(__file__).resolve().parents[2]

# A supervisor to be killed: starts the services, says so, and waits for ever.
VICTIM = """
import sys, time
from pathlib import Path
from core.common.embedded.services import embedded_services
with embedded_services(Path(sys.argv[1])) as services:
    print(*[child.pid for child in services.children], flush=True)
    time.sleep(600)
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path in an open directory: pytest's own tmp_path is long, and closed to other accounts."""
    directory = Path(tempfile.mkdtemp(prefix="engagex-embedded-", dir="/tmp"))
    directory.chmod(0o755)
    yield directory / "data"
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped data directory with one row in it: initdb is the slow part of a cold start."""
    directory = tmp_path_factory.mktemp("template") / "data"
    with embedded_services(directory) as services:
        add_row(services, 1)
    return directory


@pytest.fixture
def used_dir(data_dir: Path, template: Path) -> Path:
    """A data directory that has been used before."""
    shutil.copytree(template, data_dir, ignore=shutil.ignore_patterns("run"))
    return data_dir


def add_row(services: EmbeddedServices, number: int) -> None:
    with psycopg.connect(services.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [number])


def rows(data_dir: Path) -> list[int]:
    with psycopg.connect(database_url(data_dir)) as connection:
        return [number for (number,) in connection.execute("SELECT number FROM kept ORDER BY number")]


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def is_gone(pid: int, seconds: float = 30) -> bool:
    return any(process_identity(pid) is None for _ in ticks(seconds))


@pytest.fixture
def victim(used_dir: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(used_dir)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    yield process
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def service_pids(victim: subprocess.Popen[str]) -> list[int]:
    assert victim.stdout
    return [int(pid) for pid in victim.stdout.readline().split()]


def test_start_on_nothing_creates_database_and_private_directories(data_dir: Path) -> None:
    with embedded_services(data_dir) as services:
        with psycopg.connect(services.database_url) as connection:
            found = connection.execute("SELECT current_database(), current_setting('fsync'), current_setting('jit')")
            assert found.fetchone() == ("engagex", "on", "off")
            assert connection.execute("SELECT 'a' < 'B'").fetchone() == (False,)  # by code point, on every machine
            connection.execute("CREATE EXTENSION pg_trgm")
        store = Redis.from_url(services.redis_url)
        assert store.config_get("appendonly", "maxmemory-policy") == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }
        store.close()
        for private in (data_dir / "postgres", data_dir / "valkey", data_dir / "logs", socket_directory(data_dir)):
            assert stat.S_IMODE(private.stat().st_mode) == 0o700, private
        pids = [child.pid for child in services.children]
    assert all(pid and process_identity(pid) is None for pid in pids)
    assert not list((data_dir / "pids").iterdir())


def test_start_again_keeps_rows_and_keys(used_dir: Path) -> None:
    with embedded_services(used_dir) as services, Redis.from_url(services.redis_url) as store:
        add_row(services, 2)
        store.set("kept", "yes")
    with embedded_services(used_dir) as services, Redis.from_url(services.redis_url) as store:
        assert rows(used_dir) == [1, 2]
        assert store.get("kept") == b"yes"


def test_start_with_interrupted_first_start_begins_anew(data_dir: Path) -> None:
    unfinished = data_dir / "postgres.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18")
    with embedded_services(data_dir, fsync=False, valkey=False) as services:
        add_row(services, 1)
    assert not unfinished.exists()


def test_start_after_kill_of_postgres_keeps_committed_rows(used_dir: Path) -> None:
    with embedded_services(used_dir, valkey=False) as services:
        add_row(services, 2)
        kill(services.children[0].pid)
    with embedded_services(used_dir, valkey=False):
        assert rows(used_dir) == [1, 2]


def test_start_after_kill_of_valkey_with_cut_file_keeps_the_rest(used_dir: Path) -> None:
    with embedded_services(used_dir, postgres=False) as services, Redis.from_url(services.redis_url) as store:
        store.set("first", "1")
        store.set("second", "2")
        kill(services.children[0].pid)
    (appended,) = (used_dir / "valkey").rglob("*.incr.aof")
    os.truncate(appended, appended.stat().st_size - 4)
    with embedded_services(used_dir, postgres=False) as services, Redis.from_url(services.redis_url) as store:
        assert (store.get("first"), store.get("second")) == (b"1", None)


def test_start_with_unreadable_valkey_data_puts_them_aside_and_says_so(used_dir: Path) -> None:
    (manifest,) = (used_dir / "valkey").rglob("*.manifest")
    manifest.write_text("not a manifest\n")
    said: list[str] = []
    with (
        embedded_services(used_dir, postgres=False, announce=said.append) as services,
        Redis.from_url(services.redis_url) as store,
    ):
        assert store.ping()
    assert any("valkey.unreadable-" in line for line in said)
    assert list(used_dir.glob("valkey.unreadable-*"))


def test_start_with_pid_file_of_living_stranger_works_and_leaves_the_stranger(used_dir: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        (used_dir / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n{used_dir}/postgres\n1\n5432\n")
        with embedded_services(used_dir, valkey=False):
            assert rows(used_dir) == [1]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_start_with_pid_file_of_zombie_works(used_dir: Path) -> None:
    zombie = subprocess.Popen(["true"])
    try:
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        (used_dir / "postgres" / "postmaster.pid").write_text(f"{zombie.pid}\n{used_dir}/postgres\n1\n5432\n")
        with embedded_services(used_dir, valkey=False):
            assert rows(used_dir) == [1]
    finally:
        zombie.wait()


def test_start_with_record_of_reused_pid_leaves_the_stranger(used_dir: Path) -> None:
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        (used_dir / "pids" / "valkey.json").write_text(f'{{"pid": {stranger.pid}, "identity": "1"}}')
        with embedded_services(used_dir, postgres=False) as services:
            assert services.children[0].pid != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_start_with_orphans_of_a_killed_run_stops_them_first(used_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not end children with their parent, they outlive it."""
    with embedded_services(used_dir) as first:
        orphans = [child.pid for child in first.children]
        # The next start sees what it would see after a SIGKILL: records, pid file, living servers, and a free lock.
        monkeypatch.setattr("core.common.embedded.services.exclusive_lock", lambda data_dir: nullcontext(first.lock))
        said: list[str] = []
        with embedded_services(used_dir, announce=said.append) as second:
            assert all(pid and is_gone(pid) for pid in orphans)
            assert rows(used_dir) == [1]
            assert all(child.exit_code() is None for child in second.children)


def test_second_start_is_refused_and_names_the_first(used_dir: Path) -> None:
    with embedded_services(used_dir, postgres=False):
        with pytest.raises(AlreadyRunning) as refusal, embedded_services(used_dir):
            pass
        assert f"process {os.getpid()}, sockets in {used_dir}/run" in str(refusal.value)
        with Redis.from_url(redis_url(used_dir)) as store:
            assert store.ping()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel ends children with their parent on Linux")
def test_kill_of_the_supervisor_takes_the_services_down_and_loses_nothing(
    used_dir: Path, victim: subprocess.Popen[str]
) -> None:
    pids = service_pids(victim)
    assert len(pids) == 2
    with psycopg.connect(database_url(used_dir)) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    kill(victim.pid)
    assert all(is_gone(pid) for pid in pids)
    with embedded_services(used_dir):
        assert rows(used_dir) == [1, 2]


def test_kill_of_everything_at_once_loses_nothing(used_dir: Path, victim: subprocess.Popen[str]) -> None:
    pids = service_pids(victim)
    with psycopg.connect(database_url(used_dir)) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
    for pid in (victim.pid, *pids):
        kill(pid)
    with embedded_services(used_dir):
        assert rows(used_dir) == [1, 2]


def test_start_in_a_directory_with_spaces_serves_database_cache_and_broker(data_dir: Path, template: Path) -> None:
    spaced = data_dir / "My Data %41"
    shutil.copytree(template, spaced, ignore=shutil.ignore_patterns("run"))
    with embedded_services(spaced) as services:
        assert rows(spaced) == [1]
        with Connection(celery_broker_url(services.redis_url)) as broker, broker.SimpleQueue("q") as queue:
            queue.put("wake up")
            with Redis.from_url(services.redis_url) as cache:
                assert cache.dbsize() == 0  # emptying the cache leaves queued work alone
            assert queue.get(timeout=5).payload == "wake up"


def test_start_in_a_path_too_long_for_sockets_works(data_dir: Path, template: Path) -> None:
    long_dir = data_dir / ("x" * 110)
    shutil.copytree(template, long_dir, ignore=shutil.ignore_patterns("run"))
    with embedded_services(long_dir):
        assert rows(long_dir) == [1]
    shutil.rmtree(socket_directory(long_dir))


def test_start_on_data_of_another_major_version_is_refused_in_words(used_dir: Path) -> None:
    (used_dir / "postgres" / "PG_VERSION").write_text("99\n")
    with pytest.raises(EmbeddedServicesError, match=r"written by PostgreSQL 99.*pg_dump"), embedded_services(used_dir):
        pass


def test_start_of_broken_cluster_shows_the_end_of_the_log(used_dir: Path) -> None:
    (used_dir / "postgres" / "global" / "pg_control").write_bytes(b"")
    refusal = pytest.raises(EmbeddedServicesError, match=r"(?s)did not start.*pg_control")
    with refusal, embedded_services(used_dir, valkey=False):
        pass


def test_private_directory_refuses_a_link(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "run").symlink_to(data_dir)
    with pytest.raises(EmbeddedServicesError, match="is not a directory of user"):
        private_directory(data_dir / "run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_private_directory_refuses_one_of_another_user(data_dir: Path) -> None:
    data_dir.mkdir()
    os.chown(data_dir, 12345, 12345)
    with pytest.raises(EmbeddedServicesError, match="its owner is user 12345"):
        private_directory(data_dir)


@pytest.mark.skipif(os.geteuid() != 0, reason="about running as root")
def test_start_as_root_without_user_namespaces_uses_an_unprivileged_account_or_says_why_not(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(privileges, "NAMESPACE_PREFIX", ("--no-such-option",))
    binary = binaries.find_postgres().directory / "postgres"
    closed = privileges.closed_parent(binary, uid=65534, gids={65534})
    if closed:
        with pytest.raises(EmbeddedServicesError, match=f"may not enter {closed} "), embedded_services(data_dir):
            pass
        return
    with embedded_services(data_dir, fsync=False) as services:
        add_row(services, 1)
        assert (data_dir / "postgres").stat().st_uid != 0


def test_closed_parent_names_the_first_closed_directory(data_dir: Path) -> None:
    inner = data_dir / "open" / "closed" / "inner"
    inner.mkdir(parents=True)
    (data_dir / "open").chmod(0o755)
    data_dir.chmod(0o755)
    (data_dir / "open" / "closed").chmod(0o700)
    stranger = 54321
    assert privileges.closed_parent(inner / "file", uid=stranger, gids=set()) == data_dir / "open" / "closed"
    assert privileges.closed_parent(inner / "file", uid=os.getuid(), gids=set()) is None


def test_supervisor_starts_killed_services_again(used_dir: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append)
    with embedded_services(used_dir) as services:
        for child in services.children:
            supervisor.watch(child)
            kill(child.pid)
        assert supervisor.run(until=lambda: len(said) == 2 and services_answer(used_dir), seconds=60)
        assert rows(used_dir) == [1]
    assert [line.split("(")[1].split(")")[0] for line in said] == ["killed by SIGKILL"] * 2


def services_answer(data_dir: Path) -> bool:
    try:
        with psycopg.connect(database_url(data_dir)), Redis.from_url(redis_url(data_dir)) as store:
            return bool(store.ping())
    except (psycopg.OperationalError, ConnectionError, OSError):
        return False


def test_supervisor_gives_up_on_what_keeps_dying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.common.embedded.supervisor.LONGEST_BACKOFF_SECONDS", 0.01)
    said: list[str] = []
    spec = ProcessSpec(name="broken", argv=["sh", "-c", "echo why; exit 3"])
    child = Child(spec, record_dir=tmp_path, announce=said.append)
    supervisor = Supervisor(said.append)
    child.start()
    supervisor.watch(child)
    with pytest.raises(EmbeddedServicesError, match=f"broken ended {MOST_QUICK_DEATHS} times .*exit code 3"):
        supervisor.run(seconds=60)
    child.stop()
    assert said.count("why") == MOST_QUICK_DEATHS


def test_stop_of_a_deaf_program_kills_it_and_its_children(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 600 & echo $! ; wait; sleep 600"
    said: list[str] = []
    spec = ProcessSpec(name="deaf", argv=["sh", "-c", script], grace_seconds=600)
    child = Child(spec, record_dir=tmp_path, announce=said.append)
    child.start()
    assert any(said for _ in ticks(30))
    child.stop(hurry=lambda: True)
    assert is_gone(int(said[0]))


def test_interrupt_while_preparing_raises_once_and_then_hurries() -> None:
    supervisor = Supervisor(lambda line: None)
    with supervisor.counting_signals():
        with pytest.raises(KeyboardInterrupt), supervisor.interruptible():
            os.kill(os.getpid(), signal.SIGTERM)
        assert supervisor.stop_requested
        assert not supervisor.hurry()
        os.kill(os.getpid(), signal.SIGINT)
        assert supervisor.hurry()
        assert supervisor.run() is False
