"""Text into ids. Nothing here imports torch, so a trained run can predict without it."""
