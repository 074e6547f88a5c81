"""Compare recipes over several seeds: what to train, training, costs, statistics and the pages that show them."""
