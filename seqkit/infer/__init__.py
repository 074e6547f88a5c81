"""A trained run at work: writing and labelling, without torch where every component is seqkit's own."""
