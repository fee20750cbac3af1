"""Rules about ServiceEntries."""
