"""The client of the Smart Transactions API: calls, login, models, and the four kinds of error."""
