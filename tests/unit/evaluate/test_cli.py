import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from langchain_secguard.evaluate.cli import main
from tests.support import FailingDetector, LexiconDetector

HERE = __name__
SECRET = "Jane Doe"
BOOKS = LexiconDetector({SECRET: "PERSON"})
BROKEN = FailingDetector()


def risk(text: str) -> float:
    return 0.87654321 if "bomb" in text else 0.1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def data(tmp_path: Path) -> str:
    rows = [
        {"id": 1, "text": f"{SECRET} lives in Rome.", "spans": [[0, 8, "PER"], [18, 22, "LOC"]]},
        {"id": 2, "text": "Bob does not.", "spans": [[0, 3, "PER"]]},
    ]
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


@pytest.fixture
def cases(tmp_path: Path) -> str:
    rows = [
        {"text": "a bomb", "expected_output": True},
        {"text": "two bombs", "expected_output": True},
        {"text": "a book", "expected_output": False},
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return str(path)


def run(*arguments: str, out: io.StringIO | None = None) -> str:
    out = out or io.StringIO()
    assert main(arguments, out=out) == 0
    return out.getvalue()


def row(text: str, *start: str) -> list[str]:
    (found,) = [line.split() for line in text.splitlines() if line.split()[: len(start)] == list(start)]
    return found[len(start) :]


class TestTable:
    def test_has_every_measure_by_type_and_in_all(self, data: str) -> None:
        text = run("--detector", f"{HERE}:BOOKS", data)
        name = f"{HERE}:BOOKS"
        assert text.startswith("2 texts, 8 words, 3 annotated spans\n")
        assert row(text, name, "0.5", "PERSON") == ["1.000", "0.500", "0.667", "0.667", "0.500", "2"]
        assert row(text, name, "0.5", "LOCATION") == ["-", "0.000", "0.000", "0.000", "0.000", "1"]
        assert row(text, name, "0.5", "all", "types") == [
            "1.000", "0.333", "0.500", "0.500", "0.333", "3", "1.000",
        ]  # fmt: skip
        assert "words a second" in text

    def test_puts_detectors_and_thresholds_side_by_side(self, data: str) -> None:
        text = run(
            "--detector",
            f"{HERE}:BOOKS",
            "--detector",
            "patterns",
            "--threshold",
            "0",
            "--threshold",
            "1",
            data,
        )
        assert [line.split()[:2] for line in text.splitlines() if "PERSON" in line] == [
            [f"{HERE}:BOOKS", "0"], [f"{HERE}:BOOKS", "1"], ["patterns", "0"], ["patterns", "1"],
        ]  # fmt: skip

    def test_measures_the_detector_of_the_package_by_default(self, data: str) -> None:
        assert row(run(data), "embedded", "0.5", "PERSON")[1] == "1.000"

    def test_judges_the_types_named(self, data: str) -> None:
        text = run("--detector", f"{HERE}:BOOKS", "--types", "PERSON", data)
        assert "LOCATION" not in text
        assert row(text, f"{HERE}:BOOKS", "0.5", "all", "types")[5] == "2"

    def test_reads_labels_as_told(self, data: str) -> None:
        text = run("--detector", f"{HERE}:BOOKS", "--label", "LOC=PLACE", "--ignore", "PER", data)
        assert "PLACE" in text
        assert "PERSON" not in text

    def test_reports_each_file(self, data: str) -> None:
        assert run("--detector", "patterns", "--each", data, data).count(f"\n{data}\n") == 2

    def test_holds_no_text(self, data: str) -> None:
        assert not any(value in run(data) for value in (SECRET, "Bob", "Rome"))


class TestJson:
    def test_is_one_report_a_line_and_holds_no_text(self, data: str) -> None:
        text = run("--json", "--detector", f"{HERE}:BOOKS", "--threshold", "0.2", "--threshold", "0.4", data)
        first, second = map(json.loads, text.splitlines())
        assert (first["threshold"], second["threshold"]) == (0.2, 0.4)
        assert first["data"] == [data]
        assert first["types"]["LOCATION"]["precision"] is None
        assert first["types"]["PERSON"]["recall"] == 0.5
        assert first["all"]["mention_recall"] == pytest.approx(1 / 3)
        assert first["speed"]["calls"] == 2
        assert not any(value in text for value in (SECRET, "Bob", "Rome"))

    def test_of_scanners(self, cases: str) -> None:
        report = json.loads(run("--json", "--scanner", f"{HERE}:risk", cases))
        assert report["thresholds"][0]["recall"] == 1.0
        assert report["recommended"]["threshold"] == 0.87654321


class TestMisses:
    ARGUMENTS = ("--detector", f"{HERE}:BOOKS", "--misses", "5")

    def test_are_shown_on_a_terminal(self, data: str) -> None:
        text = run(*self.ARGUMENTS, data, out=Terminal())
        assert f"{data}:2  PERSON, missed:  >>>Bob<<< does not." in text
        assert ">>>Rome<<<" in text
        assert "kept nowhere" in text

    def test_are_of_the_types_judged(self, data: str) -> None:
        assert "Rome" not in run(*self.ARGUMENTS, "--types", "PERSON", data, out=Terminal()).replace(
            "in Rome.", ""
        )

    def test_go_into_no_file(self, data: str, capsys: pytest.CaptureFixture[str]) -> None:
        out = io.StringIO()
        assert main([*self.ARGUMENTS, data], out=out) == 2
        assert out.getvalue() == ""
        assert "this output is no terminal" in capsys.readouterr().err

    def test_go_into_a_file_if_that_is_said(self, data: str) -> None:
        assert ">>>Bob<<<" in run(*self.ARGUMENTS, "--misses-off-terminal", data)


class TestScanners:
    def test_are_reported_with_advice_rounded_down(self, cases: str) -> None:
        text = run("--scanner", f"{HERE}:risk", "--threshold", "0.05", "--threshold", "0.9", cases)
        name = f"{HERE}:risk"
        assert text.startswith("3 texts, 2 of them to be refused\n")
        assert row(text, name, "0.05") == ["0.667", "1.000", "0.800", "2", "0", "1", "1.000"]
        assert row(text, name, "0.9") == ["-", "0.000", "0.000", "0", "2", "0", "0.000"]
        assert row(text, name, "0.8765", "(advised)") == ["1.000", "1.000", "1.000", "2", "0", "0", "0.000"]


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--detector", "bert"], "'bert' is not embedded"),
            (["--detector", "embedded", "--scanner", "a:b"], "run the command once for each"),
            (["--scanner", "a:b", "--misses", "3"], "those of a detector"),
            (["--json", "--misses", "3"], "--json holds no text"),
            (["--label", "PER=CUSTOM", "nothing.jsonl"], "nothing.jsonl: cannot be read"),
        ],
    )
    def test_are_one_line(
        self, data: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main([*arguments, data], out=io.StringIO()) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert message in error
        assert error.count("\n") == 1

    def test_of_an_engine_have_a_status_of_their_own(
        self, data: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["--detector", f"{HERE}:BROKEN", data], out=io.StringIO()) == 1
        error = capsys.readouterr().err
        assert "FailingDetector failed with RuntimeError" in error
        assert SECRET not in error

    @pytest.mark.parametrize(
        "arguments",
        [
            [],
            ["--threshold", "1.5", "x"],
            ["--label", "PER", "x"],
            ["--types", "", "x"],
            ["--detectors", "a", "x"],
            ["--misses", "-1", "x"],
        ],
    )
    def test_of_wrong_arguments_show_the_usage(
        self, arguments: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as raised:
            main(arguments)
        assert raised.value.code == 2
        assert "usage: python -m langchain_secguard.evaluate" in capsys.readouterr().err


class TestProcess:
    def test_runs_as_a_module(self, data: str) -> None:
        command = [
            sys.executable,
            "-m",
            "langchain_secguard.evaluate",
            "--json",
            "--detector",
            "patterns",
            data,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        assert json.loads(done.stdout)["all"]["mentions"] == 3
        assert done.stderr == ""

    def test_ends_quietly_when_nobody_reads_on(self, data: str) -> None:
        command = [
            sys.executable,
            "-m",
            "langchain_secguard.evaluate",
            "--json",
            "--detector",
            "patterns",
            data,
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b""
            assert process.wait(60) == 1
