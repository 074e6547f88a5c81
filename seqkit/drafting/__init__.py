"""Draft a recipe for a data file: choose the task, fit the training to a time, and write the recipe (`seqkit init`)."""
