"""The report: one HTML page with a leaderboard, pictures and records, which opens from a file and can be mailed."""
