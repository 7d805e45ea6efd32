"""What this till must never forget: checkouts, events, and the cards of unfinished checkouts, in one SQLite file."""
