"""Rules and indicators over all the years held, by way of the lexicon."""
