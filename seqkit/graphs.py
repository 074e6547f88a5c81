"""What an autograd function may do with the tensors that it has saved."""

from __future__ import annotations

import torch

_retained = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", lambda: True)


def retained() -> bool:
    """Returns, in a backward pass, whether the graph may be gone through again (`retain_graph=True`).

    If not, what a function has saved may be written over. Where torch cannot tell, the answer is True.
    """
    return bool(_retained())
