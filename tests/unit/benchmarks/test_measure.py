"""Peers that err on purpose are found out, in a process of their own as the real ones are."""

import sys
from functools import cache
from pathlib import Path

import pytest

from benchmarks.faithfulness import tables
from benchmarks.faithfulness.client import PeerFailedError, PeerProcess
from benchmarks.faithfulness.counting import Outcome, Tally
from benchmarks.faithfulness.measure import Findings, Size, measure

SIZE = Size(people=3, bent=1, splits=1, texts=6)
PYTHON = Path(sys.executable)


@cache
def found(way: str) -> Findings:
    with PeerProcess(PYTHON, "tests.unit.benchmarks.wrong_peer", way) as peer:
        return measure(peer, SIZE)


def test_a_peer_that_restores_as_it_should_is_right() -> None:
    findings = found("right")
    assert set(findings.bent["exact", "whole"].outcomes) == {Outcome.RIGHT}
    assert set(findings.bent["lower case", "whole"].outcomes) == {Outcome.LOST}
    assert set(findings.bent["a number never given out", "whole"].outcomes) == {Outcome.RIGHT}
    assert set(findings.bent["the number of another", "whole"].outcomes) == {Outcome.WRONG}
    assert set(findings.crowds["16 threads"].outcomes) == {Outcome.RIGHT}
    assert "200 tasks" not in findings.crowds
    assert "one removed, others added" not in findings.scenes
    assert tables.everything(findings).leaked == findings.scenes["found once, missed later"].leaked > 0


def test_a_peer_that_does_not_wait_for_the_rest_loses_what_is_cut() -> None:
    findings = found("right")
    assert set(findings.bent["exact", "1 character"].outcomes) == {Outcome.LOST}


@pytest.mark.parametrize(
    ("way", "outcome"), [("next", Outcome.WRONG), ("blanks", Outcome.BENT), ("raises", Outcome.LOST)]
)
def test_what_a_peer_does_to_exact_placeholders_is_counted(way: str, outcome: Outcome) -> None:
    assert set(found(way).bent["exact", "whole"].outcomes) == {outcome}


def test_a_guess_where_nobody_is_meant_is_a_wrong_person() -> None:
    findings = found("guesses")
    assert set(findings.bent["a number never given out", "whole"].outcomes) == {Outcome.WRONG}


def test_what_is_sent_as_it_is_leaks_whole() -> None:
    crowd = found("leaks").crowds["one at a time"]
    assert crowd.leaked == crowd.hidden > 0


@pytest.mark.parametrize("way", ["endless", "stuck"])
def test_a_peer_that_runs_away_is_stopped(way: str) -> None:
    with PeerProcess(PYTHON, "tests.unit.benchmarks.wrong_peer", way) as peer:
        assert peer.open([]).restore([["some text"]]) == [None]


def test_a_peer_that_does_not_start_tells_why() -> None:
    with pytest.raises(PeerFailedError, match="nowhere"), PeerProcess(PYTHON, "nowhere"):
        pass


def test_tables_tell_what_is_not_offered_and_what_is_wrong() -> None:
    findings = Findings("some peer", "1", {})
    findings.bent["exact", "whole"] = Tally()
    findings.bent["exact", "whole"].outcomes[Outcome.WRONG] = 2
    assert "| exact | **wrong** |" in tables.mutations([findings])
    assert "| whole | **2 wrong** |" in tables.chunkings([findings])
    assert "| 1 character | not offered |" in tables.chunkings([findings])
    assert "| lower case | no such form |" in tables.mutations([findings])
    assert "| some peer 1 | 100% (2) | 0 | 0 | 0 | 2 | not offered | not offered |" in tables.headline(
        [findings]
    )
