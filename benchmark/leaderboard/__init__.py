"""The leaderboard, made of records and nothing else: `board` builds it, `screen` and `exports` show it."""
