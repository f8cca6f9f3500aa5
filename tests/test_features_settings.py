"""Settings come from the environment, else leadtime.toml, else the defaults; what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.business_settings import Costs
from features.errors import InputError
from features.settings import Settings, load_settings, unknown_variables

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_defaults() -> None:
    settings = load_settings()
    assert settings.horizons == (7, 30, 90)
    assert settings.database_url == "sqlite:///var/leadtime.db"
    assert settings.costs.late > settings.costs.early > 0
    assert settings.mlflow_tracking_uri == "sqlite:///var/mlflow.db"


def test_the_file_that_is_delivered_says_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = load_settings()
    monkeypatch.chdir(ROOT)
    assert load_settings() == defaults


def test_what_is_given_goes_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("leadtime.toml").write_text("horizons = [5, 10]\nseed = 3\nwindow_coverage = 0.5\n[costs]\nlate = 7\n")
    monkeypatch.setenv("LEADTIME_SEED", "4")
    monkeypatch.setenv("LEADTIME_WINDOW_COVERAGE", "0.6")
    monkeypatch.setenv("LEADTIME_COSTS__EARLY", "2")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking")
    settings = load_settings(window_coverage=0.7)
    assert settings.horizons == (5, 10)
    assert settings.seed == 4
    assert settings.window_coverage == 0.7
    assert (settings.costs.early, settings.costs.late) == (2, 7)
    assert settings.mlflow_tracking_uri == "http://tracking"


def test_nothing_is_added_to_a_block_that_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("leadtime.toml").write_text("[costs]\nlate = 7\n[estimator.parameters]\nlearning_rate = 0.2\n")
    monkeypatch.setenv("LEADTIME_ESTIMATOR__PARAMETERS__LEAVES", "2")
    settings = load_settings(costs={"early": 2.0}, estimator={"parameters": {"l2": 20.0}})
    assert settings.costs == Costs(early=2.0)
    assert settings.estimator.parameters == {"l2": 20.0}
    with pytest.raises(InputError, match="late"):
        load_settings(costs={"late": 0})


@given(
    st.lists(st.integers(1, 3650), min_size=1, max_size=6, unique=True).map(sorted), st.sampled_from([",", " ", ", "])
)
def test_horizons_are_rising_days(days: list[int], separator: str) -> None:
    assert Settings(horizons=separator.join(map(str, days))).horizons == tuple(days)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "7,7", "30,7", "0,7", "-1", "7,9999", "a week", "7.5"])
def test_other_horizons_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LEADTIME_HORIZONS", text)
    with pytest.raises(InputError, match=r"settings: expected valid settings, got horizons.*LEADTIME_ variables"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 'red'", "colour"),
        ("[costs]\nlate = 0", "costs.late"),
        ("[costs]\nnever = 1", "costs.never"),
        ("[costs]\nearly_cap = 11", "costs"),
        ("[costs]\ndeal_lost_after = 14", "costs"),
        ("window_coverage = 1", "window_coverage"),
        ("port = 70000", "port"),
        ("[events]\nmail_seen = ['x']", "events.mail_seen"),
    ],
)
def test_a_wrong_setting_in_the_file_is_named(text: str, named: str) -> None:
    Path("leadtime.toml").write_text(text)
    with pytest.raises(InputError, match=rf"got {named}: .*Correct leadtime\.toml or the LEADTIME_ variables"):
        load_settings()


def test_a_file_that_is_no_toml() -> None:
    for content in (b"horizons = [7,\n", b"model_name = '\xe4'\n"):
        Path("leadtime.toml").write_bytes(content)
        with pytest.raises(InputError, match=r"leadtime\.toml: expected TOML"):
            load_settings()


def test_an_unknown_variable_of_ours_is_no_error_but_a_wrong_value_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTIME_TEST_SOMETHING", "1")
    load_settings()
    monkeypatch.setenv("LEADTIME_PORT", "high")
    with pytest.raises(InputError, match="port"):
        load_settings()
    monkeypatch.setenv("LEADTIME_COSTS", "cheap")
    with pytest.raises(InputError, match="LEADTIME_COSTS__LATE"):
        load_settings()


def test_an_environment_variable_that_sets_nothing_is_told_with_the_nearest_name() -> None:
    given = [
        "LEADTIME_DATABSE_URL",
        "LEADTIME_COSTS__LATE",
        "LEADTIME_DATA",
        "LEADTIME_TEST_POSTGRES",
        "HOME",
        "leadtime_port",
    ]
    assert unknown_variables(given) == ["LEADTIME_DATABSE_URL sets nothing; did you mean LEADTIME_DATABASE_URL?"]
