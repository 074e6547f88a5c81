"""Starts torchrun's agent, as `torchrun --standalone` does, and says of its end what the processes said."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from uuid import uuid4


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Runs `seqkit` in several processes on this machine; returns the exit code of the first that failed, or 0.

    Args:
        arguments: of `seqkit`.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable(logging.CRITICAL)  # what ends a process is told by that process, in a line
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=str(uuid4()),
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
    )
    try:
        # -P: what lies in the current folder is data, and no module.
        elastic_launch(config, sys.executable)("-P", "-m", "seqkit", *arguments)
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    except SignalException as error:
        return 128 + error.sigval
    return 0
