"""Addresses of the embedded services, as the libraries that use them read them."""

from pathlib import Path

import dj_database_url
import pytest
from redis import Redis

from core.common.embedded import locations


def test_socket_directory_of_short_path_lies_inside() -> None:
    assert locations.socket_directory(Path("/srv/engagex/.engagex")) == Path("/srv/engagex/.engagex/run")


def test_socket_directory_of_long_path_is_short_and_its_own() -> None:
    first, second = (locations.socket_directory(Path("/srv") / (letter * 120)) for letter in "ab")
    assert first != second
    assert len(str(first / ".s.PGSQL.5432.lock")) <= locations.LONGEST_SOCKET_PATH


def test_socket_directory_counts_bytes_not_characters() -> None:
    assert locations.socket_directory(Path("/srv") / ("ü" * 50)).parent == locations.SHORT_ROOT


@pytest.mark.parametrize("name", ["Data With Space", "percent%41", "ünï", "a+b&c"])
def test_urls_of_unusual_directories_are_read_back_by_the_libraries(name: str) -> None:
    data_dir = Path("/srv") / name
    sockets = str(locations.socket_directory(data_dir))

    database = dj_database_url.parse(locations.database_url(data_dir))
    assert (database["HOST"], database["NAME"], database["USER"]) == (sockets, "engagex", "postgres")

    redis = Redis.from_url(locations.redis_url(data_dir))
    assert redis.connection_pool.connection_kwargs["path"] == f"{sockets}/valkey.sock"


def test_celery_broker_url_of_tcp_server_stays_as_it_is() -> None:
    assert locations.celery_broker_url("redis://cache.example:6379/3") == "redis://cache.example:6379/3"


def test_data_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENGAGEX_DATA_DIR", str(tmp_path / "elsewhere"))
    assert locations.data_directory() == tmp_path / "elsewhere"
