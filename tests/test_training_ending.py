"""How jobs end: one line and an exit code, whatever goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import InputError
from training.ending import exit_code

OUT = Path("scores.csv")


def test_a_job_that_is_done_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: None, out=OUT, interrupted="nothing was written") == 0
    assert capsys.readouterr().err == ""


def test_a_job_may_say_with_which_code_it_ends() -> None:
    assert exit_code(lambda: 1, interrupted="nothing was kept") == 1


def test_a_fault_of_the_disk_is_not_hidden_by_a_job_that_writes_no_file() -> None:
    def job() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        exit_code(job, interrupted="nothing was kept")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError(expected="a lead", got="none"), 2, "error: expected a lead, got none"),
        (OSError(28, "No space left on device"), 2, "error: scores.csv: expected a file that can be written, got: "),
        (KeyboardInterrupt(), 130, "interrupted; nothing was written"),
    ],
    ids=["input", "disk", "interrupted"],
)
def test_what_goes_wrong_is_said_in_one_line(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def job() -> None:
        raise error

    assert exit_code(job, out=OUT, interrupted="nothing was written") == code
    assert capsys.readouterr().err.startswith(said)


def test_a_fault_of_the_program_is_not_hidden() -> None:
    def job() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        exit_code(job, out=OUT, interrupted="")
