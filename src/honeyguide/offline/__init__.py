"""Learning and judging away from requests: datasets, splits, metrics, evaluation. Arrays in, arrays out."""
