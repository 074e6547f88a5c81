"""Start several training processes on this machine, as `torchrun --standalone` does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from uuid import uuid4

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Run `seqkit` in several processes; return the exit code of the first that failed, or 0.

    Args:
        processes: the number of processes.
        arguments: the command-line arguments of `seqkit`.
    """
    logging.disable(logging.CRITICAL)  # a process that fails reports its own error
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
        # -P: the current folder contains data, not modules.
        elastic_launch(config, sys.executable)("-P", "-m", "seqkit", *arguments)
    except ChildFailedError as error:
        _, failure = error.get_first_failure()
        return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
    except SignalException as error:
        return 128 + error.sigval
    return 0
