"""Results of the recipes: their scores, and runs that are killed and resumed."""
