from pathlib import Path

from seqkit_placeholder.tracker import Placeholder

import seqkit
from seqkit.testing import check_tracker

RECIPE = Path(__file__).parent.parent / "recipes" / "placeholder.yaml"


def test_contract() -> None:
    check_tracker(Placeholder)
    check_tracker(lambda: Placeholder(every=1))


def test_a_resumed_run_has_each_step_once(tmp_path: Path) -> None:
    run = seqkit.run(RECIPE, runs=tmp_path, quiet=True, train__epochs=40)
    seqkit.resume(run.path, quiet=True, train__epochs=100)
    lines = [line.split() for line in (run.path / "losses.txt").read_text().splitlines()]
    assert [int(step) for step, _ in lines] == list(range(20, 101, 20))
    assert float(lines[-1][1]) < float(lines[0][1])
