"""The tasks that seqkit's own components solve: each recognizes a data file and drafts a recipe for `seqkit init`."""
